// Log lines, OCPP frames and device writes of the whole site, as they happen.
import { CheckField, SearchField, SelectField } from "../components/Form";
import { Card, PageHead } from "../components/Page";
import { useEvents } from "../dialogue/events";
import { EventsView, PauseButton } from "../dialogue/EventsView";
import { levels, logParts } from "../dialogue/log";
import { useList, useSettled, useStream } from "../hooks";
import { t, tOr } from "../i18n";
import { setQuery } from "../router";
import type { StreamType } from "../api";
import type { StationItem } from "../types";
import type { PageProps } from ".";

const KINDS = ["log", "frame", "write"] as const;

export function Log({ query }: PageProps) {
    const kinds = KINDS.filter((kind) => !(query.hide ?? "").split(",").includes(kind));
    const level = levels.includes(query.level ?? "") ? (query.level ?? "") : "debug";
    const q = useSettled(query.q ?? "");
    const events = useEvents({ types: kinds, ...(query.station ? { station: query.station } : {}), ...(q ? { q } : {}) });
    const stations = useList<StationItem>("/stations");
    const types: readonly StreamType[] = KINDS;
    useStream({ types }, events.onEvent, events.reload);

    const least = levels.indexOf(level);
    const shown = events.entries.filter((entry) => {
        if (entry.type !== "log" || least <= 0) return true;
        const at = levels.indexOf(logParts(entry).level);
        return at < 0 || at >= least;
    });
    const toggle = (kind: string, on: boolean): void => {
        const hidden = KINDS.filter((one) => (one === kind ? !on : !kinds.includes(one)));
        setQuery({ hide: hidden.join(",") || undefined });
    };
    const stationOptions = [{ value: "", label: t("log.allStations") }, ...(stations.data ?? []).map(({ id }) => ({ value: id, label: id }))];
    return (
        <>
            <PageHead title={t("log.title")} lead={t("log.hint")}><PauseButton events={events} /></PageHead>
            <Card>
                <div class="toolbar">
                    <SearchField label={t("log.search")} value={query.q ?? ""} onChange={(text) => setQuery({ q: text || undefined })} />
                    <SelectField label={t("log.station")} hideLabel value={query.station ?? ""} onChange={(id) => setQuery({ station: id || undefined })} options={stationOptions} />
                    <SelectField label={t("log.level")} hideLabel value={level} onChange={(one) => setQuery({ level: one === "debug" ? undefined : one })}
                        options={levels.map((one) => ({ value: one, label: tOr("log.level." + one, one) }))} />
                    <div class="checks" role="group" aria-label={t("log.kinds")}>
                        {KINDS.map((kind) => <CheckField key={kind} label={tOr("log.kind." + kind, kind)} checked={kinds.includes(kind)} onChange={(on) => toggle(kind, on)} />)}
                    </div>
                </div>
                <EventsView events={events} shown={shown} withStation end={t("log.past")} />
            </Card>
        </>
    );
}
