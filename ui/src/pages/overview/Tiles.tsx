// All chargers as tiles. A thousand of them: a tile is drawn again only when its station changed, and the browser lays out only what is in sight.
import { Component } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { announce } from "../../announce";
import { shownState, type ShownState, stateLooks, stateName, statesInOrder } from "../../components/Badge";
import { SearchField } from "../../components/Form";
import { Icon } from "../../components/Icon";
import { Card } from "../../components/Page";
import { Empty } from "../../components/State";
import { number, power } from "../../format";
import { useSettled } from "../../hooks";
import { t, tn, useLanguage } from "../../i18n";
import { setQuery, stationHref } from "../../router";
import type { ItemEvse, StationItem } from "../../types";

export function Tiles({ stations, query }: { stations: Map<string, StationItem>; query: Record<string, string> }) {
    const text = query.q ?? "", state = query.state ?? "";
    const settled = useSettled(text);
    const language = useLanguage();
    const sorted = useMemo(() => [...stations.values()].sort((a, b) => a.id.localeCompare(b.id, undefined, { numeric: true })), [stations]);
    const counts = useMemo(() => count(sorted), [sorted]);
    const shown = sorted.filter((station) => fits(station, settled, state));
    const isFiltered = !!settled || !!state;
    useEffect(() => {
        if (isFiltered) announce(tn("count.chargers", shown.length));
    }, [settled, state]);
    return (
        <Card title={`${t("overview.chargers")} (${number(shown.length)})`}>
            <div class="toolbar">
                <SearchField label={t("overview.search")} value={text} onChange={(q) => setQuery({ q: q || undefined })} />
                <div class="chips" role="group" aria-label={t("overview.filter")}>
                    <Chip name={t("overview.all")} n={sorted.length} isOn={!state} onClick={() => setQuery({ state: undefined })} />
                    {["offline" as const, ...statesInOrder].filter((one) => counts[one] || one === state).map((one) => (
                        <Chip key={one} state={one} name={stateName(one)} n={counts[one] ?? 0} isOn={one === state}
                            onClick={() => setQuery({ state: one === state ? undefined : one })} />
                    ))}
                </div>
            </div>
            {shown.length === 0 ? <Empty title={t("table.nothingFound")} /> : (
                <ul class="tiles">{shown.map((station) => <Tile key={station.id} station={station} language={language} />)}</ul>
            )}
        </Card>
    );
}

type Filter = ShownState | "offline"; // offline: no link to the CSMS

// Stations, not EVSEs: as many as the filter shows.
function count(stations: StationItem[]): Partial<Record<Filter, number>> {
    const counts: Partial<Record<Filter, number>> = {};
    for (const station of stations) {
        const there = new Set<Filter>(station.evses.map(shownState));
        if (station.link !== "up") there.add("offline");
        for (const state of there) counts[state] = (counts[state] ?? 0) + 1;
    }
    return counts;
}

function fits(station: StationItem, text: string, state: string): boolean {
    if (state === "offline" ? station.link === "up" : state && !station.evses.some((evse) => shownState(evse) === state)) return false;
    if (!text) return true;
    const all = [station.id, station.vendor, station.model, station.csms, ...station.evses.map((evse) => evse.transaction?.idToken)];
    const words = text.toLowerCase().split(/\s+/);
    const where = all.filter(Boolean).join(" ").toLowerCase();
    return words.every((word) => where.includes(word));
}

function Chip({ name, n, isOn, onClick, state }: { name: string; n: number; isOn: boolean; onClick: () => void; state?: Filter }) {
    const look = state === "offline" ? { tone: "warning", icon: "csms" as const } : state && stateLooks[state];
    return (
        <button type="button" class={`chip ${look ? "badge-" + look.tone : ""}`} aria-pressed={isOn} onClick={onClick}>
            {look && <Icon name={look.icon} size={14} />}
            {name} <span class="chip-count">{number(n)}</span>
        </button>
    );
}

// The state that counts for the colour of the whole tile: of its EVSEs the one that is first in the order.
const worst = (evses: ItemEvse[]): ShownState => statesInOrder.find((state) => evses.some((evse) => shownState(evse) === state)) ?? "unknown";

interface TileProps {
    station: StationItem;
    language: string;
}

class Tile extends Component<TileProps> {
    override shouldComponentUpdate(next: Readonly<TileProps>): boolean {
        return next.station !== this.props.station || next.language !== this.props.language;
    }

    override render() {
        const { station } = this.props;
        const { evses } = station;
        const watts = evses.reduce((sum, evse) => sum + (evse.online ? (evse.powerW ?? 0) : 0), 0);
        return (
            <li>
                <a class={`tile tile-${stateLooks[worst(evses)].tone}`} href={stationHref(station.id)}>
                    <span class="tile-head">
                        <strong>{station.id}</strong>
                        {watts > 0 && <span class="tile-power">{power(watts)}</span>}
                    </span>
                    {evses.map((evse) => (
                        <span key={evse.evse} class={`tile-state text-${stateLooks[shownState(evse)].tone}`}>
                            <Icon name={stateLooks[shownState(evse)].icon} size={15} />
                            {evses.length > 1 && <span class="muted">{evse.evse}</span>} {stateName(shownState(evse))}
                        </span>
                    ))}
                    {station.link !== "up" && <span class="tile-state text-warning"><Icon name="csms" size={15} />{t("overview.tileNoLink")}</span>}
                </a>
            </li>
        );
    }
}
