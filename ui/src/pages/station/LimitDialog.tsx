// Sets a limit: in A per phase, W or kW, for a while or until it is released.
import { useState } from "preact/hooks";
import { api, path } from "../../api";
import { Dialog } from "../../components/Dialog";
import { Choice, focusWrong, NumberField, readNumber, SelectField } from "../../components/Form";
import { ErrorBox } from "../../components/State";
import { toast } from "../../components/Toast";
import { asProblem } from "../../hooks";
import { t, tOr } from "../../i18n";
import type { Problem } from "../../api";
import type { Model } from "./model";

const DURATIONS = ["0", "900", "3600", "14400", "custom"];
const SOURCES = ["EMS", "SO", "Other"];
const MOST: Record<string, number> = { A: 1000, kW: 1000, W: 1_000_000 };
const MINUTES_MOST = 60 * 24 * 30;

export function LimitDialog({ model, evse, onClose }: { model: Model; evse: number; onClose: () => void }) {
    const evses = model.status.data?.evses ?? [];
    const [where, setWhere] = useState(String(evse));
    const [value, setValue] = useState("");
    const [unit, setUnit] = useState("A");
    const [span, setSpan] = useState("0");
    const [minutes, setMinutes] = useState("30");
    const [source, setSource] = useState("EMS");
    const [tried, setTried] = useState(false);
    const [problem, setProblem] = useState<Problem>();
    const [busy, setBusy] = useState(false);

    const limit = readNumber(value, 0, MOST[unit]);
    const time = span === "custom" ? readNumber(minutes, 1, MINUTES_MOST) : { value: Number(span) / 60 };
    const submit = async (event: Event): Promise<void> => {
        event.preventDefault();
        setTried(true);
        focusWrong(event);
        if (limit.value === undefined || time.value === undefined || busy) return;
        setBusy(true);
        setProblem(undefined);
        try {
            await api.post(path`/stations/${model.id}/limits`, {
                limit: unit === "kW" ? Math.round(limit.value * 1000) : limit.value, unit: unit === "A" ? "A" : "W", source,
                ...(where === "0" ? {} : { evse: Number(where) }),
                ...(time.value > 0 ? { duration: Math.round(time.value * 60) } : {}),
            });
            toast(t("command.limitDone"));
            model.refresh();
            onClose();
        } catch (error) {
            setProblem(asProblem(error));
            setBusy(false);
        }
    };
    return (
        <Dialog title={`${t("command.limitTitle")}: ${model.id}`} onClose={onClose}>
            <form onSubmit={(event) => void submit(event)} noValidate>
                <div class="dialog-body">
                    <p class="muted">{t("command.limitText")}</p>
                    {evses.length > 1 && <SelectField label={t("limits.for")} value={where} onChange={setWhere}
                        options={[{ value: "0", label: t("command.wholeStation") }, ...evses.map(({ id }) => ({ value: String(id), label: t("term.evseN", { n: id }) }))]} />}
                    <div class="limit-value">
                        <NumberField label={t("command.limitValue")} value={value} onChange={setValue} error={tried ? limit.error : undefined} hint={t("command.limitZero")} input={{ autofocus: true }} />
                        <Choice label={t("command.limitUnit")} value={unit} onChange={setUnit} options={[{ value: "A", label: t("command.limitPerPhase") }, { value: "kW", label: "kW" }, { value: "W", label: "W" }]} />
                    </div>
                    <div class="field">
                        <span class="field-label">{t("command.limitDuration")}</span>
                        <Choice label={t("command.limitDuration")} value={span} onChange={setSpan} options={DURATIONS.map((one) => ({ value: one, label: tOr("command.duration." + one, one) }))} />
                    </div>
                    {span === "custom" && <NumberField label={t("command.limitMinutes")} value={minutes} onChange={setMinutes} error={tried ? time.error : undefined} />}
                    <SelectField label={t("command.limitSource")} value={source} onChange={setSource} options={SOURCES.map((one) => ({ value: one, label: tOr("source." + one, one) }))} />
                    {problem && <ErrorBox problem={problem} />}
                </div>
                <footer class="dialog-foot">
                    <button type="button" class="button" onClick={onClose}>{t("action.cancel")}</button>
                    <button type="submit" class="button button-primary" disabled={busy}>{t("command.limitDo")}</button>
                </footer>
            </form>
        </Dialog>
    );
}
