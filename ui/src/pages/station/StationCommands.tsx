// What one can do with the whole station, or one EVSE of it: availability, restart, ask for a message.
import { useState } from "preact/hooks";
import { confirm, Dialog } from "../../components/Dialog";
import { Choice, SelectField } from "../../components/Form";
import { Icon } from "../../components/Icon";
import { t } from "../../i18n";
import { useMay } from "../../session";
import { whoText } from "./EvseCommands";
import type { Model } from "./model";
import { request } from "./request";
import { RequestDialog } from "./RequestDialog";

type Open = "availability" | "reset" | "trigger" | "request" | null;

export function StationCommands({ model }: { model: Model }) {
    const isOperator = useMay("operator");
    const [open, setOpen] = useState<Open>(null);
    if (!isOperator) return null;
    const close = (): void => setOpen(null);
    return (
        <>
            <button type="button" class="button" onClick={() => setOpen("availability")}><Icon name="power" size={17} />{t("command.availability")}</button>
            <button type="button" class="button" onClick={() => setOpen("reset")}><Icon name="reset" size={17} />{t("command.reset")}</button>
            <button type="button" class="button" onClick={() => setOpen("trigger")}><Icon name="send" size={17} />{t("command.trigger")}</button>
            <button type="button" class="button" onClick={() => setOpen("request")}><Icon name="edit" size={17} />{t("command.request")}</button>
            {open === "request" && <RequestDialog model={model} onClose={close} />}
            {open === "availability" && <AvailabilityDialog model={model} onClose={close} />}
            {open === "reset" && <ResetDialog model={model} onClose={close} />}
            {open === "trigger" && <TriggerDialog model={model} onClose={close} />}
        </>
    );
}

interface Props {
    model: Model;
    onClose: () => void;
}

// "0": the whole station; shown where there is a choice.
function Where({ model, value, onChange }: { model: Model; value: string; onChange: (value: string) => void }) {
    const evses = model.status.data?.evses ?? [];
    if (evses.length < 2) return null;
    return <SelectField label={t("limits.for")} value={value} onChange={onChange}
        options={[{ value: "0", label: t("command.wholeStation") }, ...evses.map(({ id }) => ({ value: String(id), label: t("term.evseN", { n: id }) }))]} />;
}

function AvailabilityDialog({ model, onClose }: Props) {
    const [where, setWhere] = useState("0");
    const who = whoText(model, Number(where));
    const change = async (operationalStatus: "Operative" | "Inoperative", command: string): Promise<void> => {
        onClose();
        await request(model, command, "ChangeAvailability", { operationalStatus, ...(where === "0" ? {} : { evse: { id: Number(where) } }) });
    };
    return (
        <Dialog title={`${t("command.availability")}: ${model.id}`} onClose={onClose}>
            <div class="dialog-body">
                <Where model={model} value={where} onChange={setWhere} />
                <div class="two-ways">
                    <p>{t("command.outOfServiceText", { who })}</p>
                    <button type="button" class="button button-danger" onClick={() => void change("Inoperative", t("command.outOfService"))}>{t("command.outOfService")}</button>
                    <p>{t("command.inServiceText", { who })}</p>
                    <button type="button" class="button button-primary" onClick={() => void change("Operative", t("command.inService"))}>{t("command.inService")}</button>
                </div>
            </div>
        </Dialog>
    );
}

function ResetDialog({ model, onClose }: Props) {
    const [where, setWhere] = useState("0");
    const [type, setType] = useState("OnIdle");
    const submit = async (event: Event): Promise<void> => {
        event.preventDefault();
        onClose();
        const isHarsh = type === "Immediate" && model.status.data?.evses.some((evse) => evse.transaction);
        if (isHarsh && !await confirm({ title: t("command.reset"), text: <p>{t("command.resetImmediate")}</p>, confirm: t("command.resetDo"), danger: true })) return;
        await request(model, t("command.reset"), "Reset", { type, ...(where === "0" ? {} : { evseId: Number(where) }) });
    };
    return (
        <Dialog title={`${t("command.reset")}: ${model.id}`} onClose={onClose}>
            <form onSubmit={(event) => void submit(event)}>
                <div class="dialog-body">
                    <p>{t("command.resetText", { who: whoText(model, Number(where)) })}</p>
                    <Where model={model} value={where} onChange={setWhere} />
                    <Choice stacked label={t("command.resetWhen")} value={type} onChange={setType} options={[{ value: "OnIdle", label: t("command.resetOnIdle") }, { value: "Immediate", label: t("command.resetImmediate") }]} />
                </div>
                <footer class="dialog-foot">
                    <button type="button" class="button" onClick={onClose}>{t("action.cancel")}</button>
                    <button type="submit" class="button button-danger">{t("command.resetDo")}</button>
                </footer>
            </form>
        </Dialog>
    );
}

// MessageTriggerEnumType, those that stand for something on site first.
const MESSAGES = ["StatusNotification", "MeterValues", "TransactionEvent", "BootNotification", "Heartbeat", "LogStatusNotification", "FirmwareStatusNotification",
    "SignChargingStationCertificate"];
const OF_EVSE = new Set(["StatusNotification", "MeterValues", "TransactionEvent"]);

function TriggerDialog({ model, onClose }: Props) {
    const [message, setMessage] = useState("StatusNotification");
    const [where, setWhere] = useState("0");
    const submit = async (event: Event): Promise<void> => {
        event.preventDefault();
        // A status is of a connector (F06.FR.12).
        const one = where === "0" ? (message === "StatusNotification" ? "1" : "") : where;
        const evse = OF_EVSE.has(message) && one ? { evse: { id: Number(one), ...(message === "StatusNotification" ? { connectorId: 1 } : {}) } } : {};
        onClose();
        await request(model, t("command.trigger"), "TriggerMessage", { requestedMessage: message, ...evse });
    };
    return (
        <Dialog title={`${t("command.trigger")}: ${model.id}`} onClose={onClose}>
            <form onSubmit={(event) => void submit(event)}>
                <div class="dialog-body">
                    <p>{t("command.triggerText")}</p>
                    <SelectField label={t("command.triggerMessage")} value={message} onChange={setMessage} options={MESSAGES.map((value) => ({ value, label: value }))} />
                    {OF_EVSE.has(message) && <Where model={model} value={where} onChange={setWhere} />}
                </div>
                <footer class="dialog-foot">
                    <button type="button" class="button" onClick={onClose}>{t("action.cancel")}</button>
                    <button type="submit" class="button button-primary">{t("command.triggerDo")}</button>
                </footer>
            </form>
        </Dialog>
    );
}
