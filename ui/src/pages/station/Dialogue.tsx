// The messages between this station and its CSMS, and what they made the gateway write to the device.
import { useMemo, useState } from "preact/hooks";
import { CheckField, SearchField } from "../../components/Form";
import { EventsView, PauseButton } from "../../dialogue/EventsView";
import type { Entry } from "../../dialogue/events";
import { actionOf, type Call, callOf, callsOf, frameOf } from "../../dialogue/frames";
import { t } from "../../i18n";
import type { Model } from "./model";

interface Shown {
    heartbeats: boolean;
    meters: boolean;
    writes: boolean;
}

function isMeter(entry: Entry, action: string): boolean {
    if (action === "MeterValues") return true;
    return action === "TransactionEvent" && JSON.stringify(entry.data).includes('"MeterValue');
}

function fits(entry: Entry, calls: Map<string, Call>, shown: Shown, q: string): boolean {
    if (entry.type === "write" && !shown.writes) return false;
    const frame = frameOf(entry);
    const action = frame ? actionOf(frame, callOf(entry, frame, calls)) : "";
    if (action === "Heartbeat" && !shown.heartbeats) return false;
    if (!shown.meters && isMeter(entry, action)) return false;
    return !q || (action + JSON.stringify(entry.data)).toLowerCase().includes(q.toLowerCase());
}

export function Dialogue({ model }: { model: Model }) {
    const { events } = model;
    const [q, setQ] = useState("");
    const [shown, setShown] = useState<Shown>({ heartbeats: true, meters: true, writes: true });
    const calls = useMemo(() => callsOf(events.entries), [events.entries]);
    const fitting = events.entries.filter((entry) => fits(entry, calls, shown, q));
    const box = (name: keyof Shown, label: string) =>
        <CheckField label={label} checked={shown[name]} onChange={(on) => setShown({ ...shown, [name]: on })} />;
    return (
        <>
            <p class="muted hint">{t("dialogue.hint")}</p>
            <div class="toolbar">
                <SearchField label={t("dialogue.search")} value={q} onChange={setQ} />
                <div class="checks" role="group" aria-label={t("dialogue.show")}>
                    {box("heartbeats", t("dialogue.showHeartbeats"))}
                    {box("meters", t("dialogue.showMeters"))}
                    {box("writes", t("dialogue.showWrites"))}
                </div>
                <PauseButton events={events} />
            </div>
            <EventsView events={events} shown={fitting} withStation={false} end={t("dialogue.noOlder")} />
        </>
    );
}
