// How the site is: what flows, what needs someone, and every charger as a tile. All of it live through one stream.
import { useEffect } from "preact/hooks";
import { Choice } from "../../components/Form";
import { Card, PageHead } from "../../components/Page";
import { Plot } from "../../components/Plot";
import { ErrorBox, Loading } from "../../components/State";
import { duration, number, power } from "../../format";
import { useResource, useStream } from "../../hooks";
import { t, tOr } from "../../i18n";
import { setQuery } from "../../router";
import { useStations } from "../../stations";
import type { Overview as Summary, StationItem } from "../../types";
import { type ToldPower, usePower } from "../../power";
import type { PageProps } from "..";
import { Attentions } from "./Attentions";
import { FirstSteps } from "./FirstSteps";
import { Tiles } from "./Tiles";

const PERIODS = ["900", "3600", "21600", "86400"];
const SUMMARY_MS = 30_000; // what the stream does not tell: version, time

export function Overview({ query }: PageProps) {
    const stations = useStations();
    const summary = useResource<Summary>("/overview", {}, SUMMARY_MS);
    const period = PERIODS.includes(query.period ?? "") ? (query.period ?? "") : "3600";
    const history = usePower(undefined, Number(period));
    useStream(
        { types: ["station", "power"] },
        (event) => {
            stations.onEvent(event);
            if (event.type === "power") history.add(event.data as ToldPower);
        },
        () => {
            stations.reload();
            history.reload();
            summary.reload();
        },
    );
    const all = stations.all;
    // The stream does not tell that a station was removed.
    const total = summary.data?.stations.total;
    useEffect(() => {
        if (all && total !== undefined && total !== all.size) stations.reload();
    }, [total]);
    return (
        <>
            <PageHead title={t("page.overview")} lead={summary.data && t("overview.lead", {
                version: summary.data.version, uptime: duration(summary.data.uptimeSeconds) })} />
            {stations.problem && <ErrorBox problem={stations.problem} onRetry={stations.reload} />}
            {!all && !stations.problem && <Loading />}
            {all && all.size === 0 && <FirstSteps />}
            {all && all.size > 0 && (
                <div class="stack">
                    <Figures stations={all} />
                    <Attentions stations={all} />
                    <Card title={t("overview.sitePower")} actions={
                        <Choice label={t("overview.period")} value={period} onChange={(chosen) => setQuery({ period: chosen })}
                            options={PERIODS.map((value) => ({ value, label: tOr("overview.period." + value, value) }))} />}>
                        {history.problem && <ErrorBox problem={history.problem} onRetry={history.reload} />}
                        <Plot title={t("overview.sitePower")} times={history.times}
                            series={[{ label: t("term.power"), values: history.powerW, show: power, color: 1, fill: true }]} />
                    </Card>
                    <Tiles stations={all} query={query} />
                </div>
            )}
        </>
    );
}

function Figures({ stations }: { stations: Map<string, StationItem> }) {
    let watts = 0, charging = 0, evses = 0, connected = 0;
    for (const station of stations.values()) {
        if (station.link === "up") connected++;
        for (const evse of station.evses) {
            evses++;
            if (!evse.online) continue;
            watts += evse.powerW ?? 0;
            if (evse.state === "charging") charging++;
        }
    }
    const ofTotal = (n: number, total: number): string => t("overview.ofTotal", { n: number(n), total: number(total) });
    return (
        <dl class="figures">
            <div><dt>{t("overview.power")}</dt><dd>{power(watts)}</dd></div>
            <div><dt>{t("overview.charging")}</dt><dd>{ofTotal(charging, evses)}</dd></div>
            <div class={connected < stations.size ? "figure-bad" : ""}>
                <dt>{t("overview.connected")}</dt><dd>{ofTotal(connected, stations.size)}</dd>
            </div>
        </dl>
    );
}
