// Transactions that were and that run: searched, filtered, in pages, and as CSV with the same filters.
import { url } from "../api";
import type { Transaction } from "../admin";
import { Badge } from "../components/Badge";
import { FilterField } from "../components/Filter";
import { SelectField } from "../components/Form";
import { Card, PageHead } from "../components/Page";
import { Empty, ErrorBox, Loading } from "../components/State";
import { type Column, Table } from "../components/Table";
import { duration, energy, moment, NONE, number, toDate } from "../format";
import { useList, useResource, useSettled } from "../hooks";
import { t, tOr } from "../i18n";
import { setQuery, stationHref } from "../router";
import type { Page, StationItem } from "../types";
import type { PageProps } from ".";

const LIMIT = 50;
const CSV_MAX = 100_000; // what the gateway gives

// A <datetime-local> has the browser's own time zone; the API wants RFC 3339.
const instant = (local: string | undefined): string | undefined => toDate(local)?.toISOString();

function columns(): Column<Transaction>[] {
    return [
        { id: "started", title: t("transactions.started"), cell: (one) => moment(one.startedAt), class: "nowrap" },
        { id: "station", title: t("transactions.station"), cell: (one) => <a href={stationHref(one.station)}>{one.station}{one.evse ? ` · ${one.evse}` : ""}</a>, class: "nowrap" },
        { id: "state", title: t("transactions.state"), cell: (one) => one.state === "running"
            ? <Badge tone="active" icon="bolt">{t("transactions.running")}</Badge> : <Badge>{t("transactions.ended")}</Badge> },
        { id: "ended", title: t("transactions.ended.at"), cell: (one) => moment(one.endedAt), class: "nowrap" },
        { id: "duration", title: t("transactions.duration"), cell: (one) => duration(one.durationSeconds), numeric: true, class: "nowrap" },
        { id: "energy", title: t("transactions.energy"), cell: (one) => energy(one.energyWh), numeric: true, class: "nowrap" },
        { id: "token", title: t("transactions.token"), cell: (one) => (one.idToken ? <code title={one.idTokenType}>{one.idToken}</code> : NONE) },
        { id: "reason", title: t("transactions.reason"), cell: (one) => (one.stoppedReason ? tOr("reason." + one.stoppedReason, one.stoppedReason) : NONE) },
        { id: "id", title: t("transactions.id"), cell: (one) => <code class="small cut" title={one.id}>{one.id}</code> },
    ];
}

export function Transactions({ query }: PageProps) {
    const stations = useList<StationItem>("/stations");
    const q = useSettled(query.q ?? "");
    const filter = { station: query.station, state: query.state, q, since: instant(query.from), until: instant(query.to) };
    const offset = Math.max(0, Number(query.offset) || 0);
    const found = useResource<Page<Transaction>>("/transactions", { ...filter, offset, limit: LIMIT });
    const change = (changes: Record<string, string | undefined>): void => setQuery({ offset: undefined, ...changes });
    const isFiltered = Object.values(filter).some(Boolean);
    const isTurned = filter.since !== undefined && filter.until !== undefined && filter.since > filter.until;
    const stationOptions = [{ value: "", label: t("transactions.allStations") }, ...(stations.data ?? []).map(({ id }) => ({ value: id, label: id }))];
    const page = found.data;
    return (
        <>
            <PageHead title={t("page.transactions")} lead={t("transactions.lead")}>
                {(page?.total ?? 0) > CSV_MAX
                    ? <p class="muted small">{t("transactions.csvTooMany", { n: number(CSV_MAX) })}</p>
                    : <a class="button" href={url("/transactions.csv", filter)} download="transactions.csv">{t("transactions.csv")}</a>}
            </PageHead>
            <Card>
                <div class="toolbar" role="search">
                    <FilterField label={t("transactions.search")} value={query.q ?? ""} onChange={(text) => change({ q: text || undefined })} />
                    <SelectField label={t("transactions.station")} value={query.station ?? ""} onChange={(id) => change({ station: id || undefined })} options={stationOptions} />
                    <SelectField label={t("transactions.state")} value={query.state ?? ""} onChange={(state) => change({ state: state || undefined })} options={[
                        { value: "", label: t("transactions.all") }, { value: "running", label: t("transactions.running") }, { value: "ended", label: t("transactions.ended") }]} />
                    <FilterField label={t("transactions.from")} value={query.from ?? ""} onChange={(from) => change({ from: from || undefined })} type="datetime-local"
                        error={isTurned ? t("transactions.order") : undefined} />
                    <FilterField label={t("transactions.to")} value={query.to ?? ""} onChange={(to) => change({ to: to || undefined })} type="datetime-local" />
                </div>
                {found.problem && <ErrorBox problem={found.problem} onRetry={found.reload} />}
                {!page && !found.problem && <Loading />}
                {page && (
                    <>
                        <Table caption={t("page.transactions")} columns={columns()} rows={page.items} rowKey={(one) => `${one.station}/${one.id}`}
                            paging={{ offset: page.offset, limit: page.limit, total: page.total, onOffset: (to) => setQuery({ offset: to ? String(to) : undefined }) }}
                            empty={<Empty icon="transactions" title={isFiltered ? t("table.nothingFound") : t("transactions.none")} />} />
                        {page.items.length > 0 && <Totals items={page.items} />}
                    </>
                )}
            </Card>
        </>
    );
}

function Totals({ items }: { items: readonly Transaction[] }) {
    const sum = (of: "energyWh" | "durationSeconds"): number => items.reduce((all, one) => all + (one[of] ?? 0), 0);
    return (
        <dl class="totals" aria-label={t("transactions.pageTotal")}>
            <div><dt>{t("transactions.pageTotal")}</dt><dd>{number(items.length)}</dd></div>
            <div><dt>{t("transactions.totalEnergy")}</dt><dd>{energy(sum("energyWh"))}</dd></div>
            <div><dt>{t("transactions.totalTime")}</dt><dd>{duration(sum("durationSeconds"))}</dd></div>
        </dl>
    );
}
