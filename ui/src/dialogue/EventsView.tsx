import { Icon } from "../components/Icon";
import { ErrorBox, Empty, Loading } from "../components/State";
import { number } from "../format";
import { t } from "../i18n";
import type { Events } from "./events";
import { EntryList } from "./EntryList";
import type { Entry } from "./events";
import { callsOf } from "./frames";

export function PauseButton({ events }: { events: Events }) {
    return (
        <button type="button" class="button" aria-pressed={events.paused} onClick={() => events.setPaused(!events.paused)}>
            <Icon name={events.paused ? "play" : "pause"} size={16} />
            {events.paused ? t("dialogue.resume") : t("dialogue.pause")}
            {events.paused && events.held > 0 && <span class="chip-count">{t("dialogue.paused", { n: number(events.held) })}</span>}
        </button>
    );
}

// The list with all that can stand in its place, and the way to older entries.
export function EventsView({ events, shown, withStation, end }: { events: Events; shown: readonly Entry[]; withStation: boolean; end: string }) {
    if (events.problem) return <ErrorBox problem={events.problem} onRetry={events.reload} />;
    if (!events.loaded) return <Loading />;
    return (
        <>
            {shown.length === 0
                ? <Empty title={events.entries.length === 0 ? t("dialogue.none") : t("table.nothingFound")} />
                : <EntryList entries={shown} calls={callsOf(events.entries)} withStation={withStation} />}
            <p class="entries-end">{events.more ? <button type="button" class="button" onClick={events.older}>{t("dialogue.older")}</button> : <span class="muted small">{end}</span>}</p>
        </>
    );
}
