// What one can do with an EVSE, each asked first: start, stop, limit, unlock.
import { useState } from "preact/hooks";
import { confirm, Dialog } from "../../components/Dialog";
import { focusWrong, SelectField, TextField } from "../../components/Form";
import { Icon } from "../../components/Icon";
import { t, tOr } from "../../i18n";
import { useMay } from "../../session";
import { keep, kept } from "../../store";
import type { EvseStatus } from "../../types";
import { LimitDialog } from "./LimitDialog";
import type { Model } from "./model";
import { remoteStartId, request } from "./request";

export const whoText = (model: Model, evse: number): string => {
    const several = (model.status.data?.evses.length ?? 0) > 1;
    return several && evse > 0 ? t("command.who", { station: model.id, evse }) : model.id;
};

interface Props {
    model: Model;
    evse: EvseStatus;
    transaction: string | undefined;
    answers: boolean; // the charger
}

export function EvseCommands({ model, evse, transaction, answers }: Props) {
    const isOperator = useMay("operator");
    const [open, setOpen] = useState<"start" | "limit" | "unlock" | null>(null);
    if (!isOperator) return null;
    const who = whoText(model, evse.id);
    const stop = async (): Promise<void> => {
        const text = t("command.stopText", { id: transaction ?? "", who });
        if (await confirm({ title: t("command.stop"), text: <p>{text}</p>, confirm: t("command.stopDo"), danger: true }))
            await request(model, t("command.stop"), "RequestStopTransaction", { transactionId: transaction });
    };
    return (
        <div class="commands" role="group" aria-label={t("command.title")}>
            {transaction
                ? <button type="button" class="button button-danger" onClick={() => void stop()}><Icon name="stop" size={17} />{t("command.stop")}</button>
                : <button type="button" class="button button-primary" disabled={!answers} onClick={() => setOpen("start")}><Icon name="play" size={17} />{t("command.start")}</button>}
            <button type="button" class="button" onClick={() => setOpen("limit")}><Icon name="limit" size={17} />{t("command.limit")}</button>
            <button type="button" class="button" disabled={!answers} onClick={() => setOpen("unlock")}><Icon name="unlock" size={17} />{t("command.unlock")}</button>
            {open === "start" && <StartDialog model={model} evse={evse.id} onClose={() => setOpen(null)} />}
            {open === "limit" && <LimitDialog model={model} evse={(model.status.data?.evses.length ?? 0) > 1 ? evse.id : 0} onClose={() => setOpen(null)} />}
            {open === "unlock" && <UnlockDialog model={model} evse={evse} onClose={() => setOpen(null)} />}
        </div>
    );
}

function UnlockDialog({ model, evse, onClose }: { model: Model; evse: EvseStatus; onClose: () => void }) {
    const [connector, setConnector] = useState("1");
    const { connectors } = evse; // the status of each
    const unlock = async (): Promise<void> => {
        onClose();
        await request(model, t("command.unlock"), "UnlockConnector", { evseId: evse.id, connectorId: Number(connector) });
    };
    return (
        <Dialog title={t("command.unlock")} onClose={onClose}>
            <div class="dialog-body">
                <p>{t("command.unlockText", { who: whoText(model, evse.id), connector })}</p>
                {connectors.length > 1 && <SelectField label={t("command.connector")} value={connector} onChange={setConnector}
                    options={connectors.map((status, i) => ({ value: String(i + 1), label: `${i + 1} · ${tOr("status." + status, status)}` }))} />}
            </div>
            <footer class="dialog-foot">
                <button type="button" class="button" onClick={onClose}>{t("action.cancel")}</button>
                <button type="button" class="button button-primary" onClick={() => void unlock()}>{t("command.unlockDo")}</button>
            </footer>
        </Dialog>
    );
}

const TYPES = ["ISO14443", "ISO15693", "Central", "eMAID", "KeyCode", "Local", "MacAddress", "NoAuthorization"]; // IdTokenEnumType

function StartDialog({ model, evse, onClose }: { model: Model; evse: number; onClose: () => void }) {
    const [token, setToken] = useState("");
    const [type, setType] = useState(kept("tokenType") ?? "ISO14443");
    const [tried, setTried] = useState(false);
    const [busy, setBusy] = useState(false);
    const isNeeded = type !== "NoAuthorization";
    const submit = async (event: Event): Promise<void> => {
        event.preventDefault();
        setTried(true);
        focusWrong(event);
        if ((isNeeded && !token.trim()) || busy) return;
        setBusy(true);
        keep("tokenType", type);
        const payload = { evseId: evse, remoteStartId: remoteStartId(), idToken: { idToken: isNeeded ? token.trim() : "", type } };
        if (await request(model, t("command.start"), "RequestStartTransaction", payload)) onClose();
        else setBusy(false);
    };
    return (
        <Dialog title={t("command.start")} onClose={onClose}>
            <form onSubmit={(event) => void submit(event)} noValidate>
                <div class="dialog-body">
                    <p>{t("command.startText", { who: whoText(model, evse) })}</p>
                    <SelectField label={t("command.tokenType")} value={type} onChange={setType} options={TYPES.map((value) => ({ value, label: value }))} />
                    {isNeeded && <TextField label={t("command.token")} value={token} onChange={setToken} hint={t("command.tokenHint")}
                        error={tried && !token.trim() ? t("field.required") : undefined} input={{ autocomplete: "off", autocapitalize: "off", spellcheck: false, maxLength: 36, autofocus: true }} />}
                </div>
                <footer class="dialog-foot">
                    <button type="button" class="button" onClick={onClose}>{t("action.cancel")}</button>
                    <button type="submit" class="button button-primary" disabled={busy}>{t("command.startDo")}</button>
                </footer>
            </form>
        </Dialog>
    );
}
