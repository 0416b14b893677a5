// What needs someone, the worst first, each with its reason and the way to mend it. The same trouble of many chargers is one entry.
import { useMemo } from "preact/hooks";
import { type Trouble, troublesOf } from "../../advice";
import { SeverityBadge } from "../../components/Badge";
import { Icon } from "../../components/Icon";
import { Card } from "../../components/Page";
import { moment, number } from "../../format";
import { t, tn, useLanguage } from "../../i18n";
import { stationHref } from "../../router";
import type { Attention, StationItem } from "../../types";

const NAMED = 12; // chargers whose names are in sight

export function Attentions({ stations }: { stations: Map<string, StationItem> }) {
    const language = useLanguage();
    const troubles = useMemo(() => troublesOf(stations.values()), [stations, language]);
    return (
        <Card title={t("overview.attention")}>
            {troubles.length === 0
                ? <p class="all-well"><Icon name="ok" />{t("overview.allWell")}</p>
                : <ul class="troubles">{troubles.map((trouble) => <li key={trouble.key}><TroubleEntry trouble={trouble} /></li>)}</ul>}
        </Card>
    );
}

function TroubleEntry({ trouble }: { trouble: Trouble }) {
    const { advice, items, severity } = trouble;
    const named = items.slice(0, NAMED), more = items.slice(NAMED);
    const chargers = new Set(items.map((item) => item.station)).size;
    const told = [...new Set(items.map((item) => item.text))];
    return (
        <article class={`trouble trouble-${severity}`}>
            <h3><SeverityBadge severity={severity} /> {advice.title}{chargers > 1 && <span class="muted"> · {tn("count.chargers", chargers)}</span>}</h3>
            <p>{advice.why}</p>
            <ul class="trouble-who">{named.map((item) => <Who key={item.station + (item.evse ?? "")} item={item} />)}</ul>
            {more.length > 0 && (
                <details>
                    <summary>{t("overview.showAll", { n: number(items.length) })}</summary>
                    <ul class="trouble-who">{more.map((item) => <Who key={item.station + (item.evse ?? "")} item={item} />)}</ul>
                </details>
            )}
            <details class="trouble-more">
                <summary>{t("advice.mend")}</summary>
                {advice.mend.length > 0 && <ol>{advice.mend.map((step) => <li key={step}>{step}</li>)}</ol>}
                <p class="muted small">{t("advice.told")}: {told.slice(0, 3).map((text) => <code key={text}>{text} </code>)}</p>
            </details>
        </article>
    );
}

function Who({ item }: { item: Attention & { station: string } }) {
    return (
        <li>
            <a href={stationHref(item.station)}>{item.station}{item.evse ? ` · ${t("term.evseN", { n: item.evse })}` : ""}</a>
            {item.since && <span class="muted small"> {t("overview.since", { time: moment(item.since) })}</span>}
        </li>
    );
}
