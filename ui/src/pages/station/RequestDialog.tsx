// Any OCPP request, for those who know what they do: by its name and payload, with the whole answer.
import { useState } from "preact/hooks";
import { api, path, type Problem } from "../../api";
import { Dialog } from "../../components/Dialog";
import { focusWrong, TextArea, TextField } from "../../components/Form";
import { Json } from "../../components/Json";
import { ErrorBox } from "../../components/State";
import { asProblem } from "../../hooks";
import { t } from "../../i18n";
import type { Model } from "./model";

// Requests a CSMS may send, with what the shortest payload looks like.
const EXAMPLES: Record<string, object> = {
    CancelReservation: { reservationId: 1 },
    ChangeAvailability: { operationalStatus: "Inoperative" },
    ClearCache: {},
    ClearChargingProfile: {},
    GetBaseReport: { requestId: 1, reportBase: "SummaryInventory" },
    GetChargingProfiles: { requestId: 1, chargingProfile: {} },
    GetCompositeSchedule: { duration: 3600, evseId: 1 },
    GetLocalListVersion: {},
    GetTransactionStatus: {},
    GetVariables: { getVariableData: [{ component: { name: "OCPPCommCtrlr" }, variable: { name: "HeartbeatInterval" } }] },
    ReserveNow: { id: 1, expiryDateTime: "", idToken: { idToken: "", type: "ISO14443" } },
    SetChargingProfile: {
        evseId: 1,
        chargingProfile: {
            id: 1, stackLevel: 0, chargingProfilePurpose: "TxDefaultProfile", chargingProfileKind: "Absolute",
            chargingSchedule: [{ id: 1, chargingRateUnit: "A", startSchedule: "", chargingSchedulePeriod: [{ startPeriod: 0, limit: 10 }] }],
        },
    },
    SetVariables: { setVariableData: [{ attributeValue: "300", component: { name: "OCPPCommCtrlr" }, variable: { name: "HeartbeatInterval" } }] },
    TriggerMessage: { requestedMessage: "StatusNotification" },
    UnlockConnector: { evseId: 1, connectorId: 1 },
};
const HOUR_MS = 3_600_000;

// Times of an example are of now.
function example(action: string): string {
    const times: Record<string, number> = { expiryDateTime: HOUR_MS, startSchedule: 0 };
    const fill = (name: string, value: unknown): unknown => (name in times ? new Date(Date.now() + (times[name] ?? 0)).toISOString() : value);
    return JSON.stringify(EXAMPLES[action] ?? {}, fill, 2);
}

function parse(text: string): { value: object } | { error: string } {
    try {
        const value: unknown = JSON.parse(text);
        return value && typeof value === "object" && !Array.isArray(value) ? { value } : { error: t("command.payloadObject") };
    } catch (error) {
        return { error: error instanceof Error ? error.message : t("command.payloadObject") };
    }
}

export function RequestDialog({ model, onClose }: { model: Model; onClose: () => void }) {
    const [action, setAction] = useState("");
    const [payload, setPayload] = useState("{}");
    const [given, setGiven] = useState("{}"); // the example that stands there
    const [tried, setTried] = useState(false);
    const [busy, setBusy] = useState(false);
    const [problem, setProblem] = useState<Problem>();
    const [answer, setAnswer] = useState<unknown>();
    const parsed = parse(payload);
    const choose = (chosen: string): void => {
        setAction(chosen);
        if (!(chosen in EXAMPLES) || payload !== given) return; // somebody has written something
        const text = example(chosen);
        setGiven(text);
        setPayload(text);
    };
    const submit = async (event: Event): Promise<void> => {
        event.preventDefault();
        setTried(true);
        focusWrong(event);
        if (!action.trim() || "error" in parsed || busy) return;
        setBusy(true);
        setProblem(undefined);
        setAnswer(undefined);
        try {
            const { result } = await api.post<{ result: unknown }>(path`/stations/${model.id}/requests`, { action: action.trim(), payload: parsed.value });
            setAnswer(result);
            model.refresh();
        } catch (error) {
            setProblem(asProblem(error));
        }
        setBusy(false);
    };
    return (
        <Dialog title={`${t("command.request")}: ${model.id}`} wide onClose={onClose}>
            <form onSubmit={(event) => void submit(event)} noValidate>
                <div class="dialog-body">
                    <p class="muted">{t("command.requestText")}</p>
                    <TextField label={t("command.action")} value={action} onChange={choose} error={tried && !action.trim() ? t("field.required") : undefined}
                        input={{ list: "ocpp-actions", autocomplete: "off", autocapitalize: "off", spellcheck: false, autofocus: true }} />
                    <datalist id="ocpp-actions">{Object.keys(EXAMPLES).map((one) => <option key={one} value={one} />)}</datalist>
                    <TextArea label={t("command.payload")} value={payload} onChange={setPayload} rows={10} error={tried && "error" in parsed ? parsed.error : undefined} />
                    {problem && <ErrorBox problem={problem} />}
                    <div role="status">{answer !== undefined && <><h3>{t("command.answer")}</h3><Json value={answer} /></>}</div>
                </div>
                <footer class="dialog-foot">
                    <button type="button" class="button" onClick={onClose}>{t("action.close")}</button>
                    <button type="submit" class="button button-primary" disabled={busy}>{t("command.triggerDo")}</button>
                </footer>
            </form>
        </Dialog>
    );
}
