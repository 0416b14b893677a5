// Who changed what, and when.
import { useState } from "preact/hooks";
import type { AuditEntry } from "../admin";
import { Dialog } from "../components/Dialog";
import { FilterField } from "../components/Filter";
import { Json } from "../components/Json";
import { Card, PageHead } from "../components/Page";
import { Empty, ErrorBox, Loading } from "../components/State";
import { type Column, Table } from "../components/Table";
import { Diff } from "../components/YamlEditor";
import { dateTime, moment, NONE, toDate } from "../format";
import { useResource, useSettled } from "../hooks";
import { t, tOr } from "../i18n";
import { setQuery } from "../router";
import type { Page } from "../types";
import type { PageProps } from ".";

const LIMIT = 50;
const is = (value: unknown): boolean => value !== undefined && value !== null && value !== "";
const actionName = (action: string): string => tOr("action." + action, action);

// Of an OCPP request: which one, and what became of it.
function outcomeOf({ action, after }: AuditEntry): string {
    const { action: request, status, code } = (after ?? {}) as Record<string, unknown>;
    if (action !== "station.request" || typeof request !== "string") return "";
    const outcome = typeof code === "string" ? t("audit.refused", { code }) : status;
    return typeof outcome === "string" ? `${request}: ${outcome}` : request;
}

export function Audit({ query }: PageProps) {
    const q = useSettled(query.q ?? "");
    const offset = Math.max(0, Number(query.offset) || 0);
    const found = useResource<Page<AuditEntry>>("/audit", {
        q, since: toDate(query.from)?.toISOString(), until: toDate(query.to)?.toISOString(), offset, limit: LIMIT });
    const [shown, show] = useState<AuditEntry>();
    const change = (changes: Record<string, string | undefined>): void => setQuery({ offset: undefined, ...changes });
    const columns: Column<AuditEntry>[] = [
        { id: "time", title: t("audit.time"), cell: (entry) => <span title={dateTime(entry.time)}>{moment(entry.time)}</span>, class: "nowrap" },
        { id: "user", title: t("audit.user"), cell: (entry) => <>{entry.user} <span class="muted small">{tOr("role." + entry.role, entry.role)}</span></> },
        { id: "action", title: t("audit.action"), cell: (entry) => <span title={entry.action}>{actionName(entry.action)} <span class="muted small">{outcomeOf(entry)}</span></span> },
        { id: "target", title: t("audit.target"), cell: (entry) => entry.target || NONE },
        { id: "peer", title: t("audit.peer"), cell: (entry) => entry.peer || NONE },
        { id: "more", title: t("audit.details"), cell: (entry) => (is(entry.before) || is(entry.after)
            ? <button type="button" class="button button-small" aria-label={`${t("audit.show")}: ${actionName(entry.action)} ${entry.target}`} onClick={() => show(entry)}>{t("audit.show")}</button> : null) },
    ];
    const page = found.data;
    return (
        <>
            <PageHead title={t("page.audit")} lead={t("audit.lead")} />
            <Card>
                <div class="toolbar" role="search">
                    <FilterField label={t("audit.search")} value={query.q ?? ""} onChange={(text) => change({ q: text || undefined })} />
                    <FilterField label={t("audit.from")} value={query.from ?? ""} onChange={(from) => change({ from: from || undefined })} type="datetime-local" />
                    <FilterField label={t("audit.to")} value={query.to ?? ""} onChange={(to) => change({ to: to || undefined })} type="datetime-local" />
                </div>
                {found.problem && <ErrorBox problem={found.problem} onRetry={found.reload} />}
                {!page && !found.problem && <Loading />}
                {page && <Table caption={t("page.audit")} columns={columns} rows={page.items} rowKey={(entry) => String(entry.id)}
                    paging={{ offset: page.offset, limit: page.limit, total: page.total, onOffset: (to) => setQuery({ offset: to ? String(to) : undefined }) }}
                    empty={<Empty icon="audit" title={q || query.from || query.to ? t("table.nothingFound") : t("audit.none")} />} />}
            </Card>
            {shown && (
                <Dialog wide title={`${actionName(shown.action)} ${shown.target}`} onClose={() => show(undefined)}>
                    <div class="dialog-body audit-details">
                        <p class="muted">{dateTime(shown.time)} · {shown.user} · {shown.peer}</p>
                        {is(shown.before) && <><h3>{t("audit.before")}</h3><Value value={shown.before} /></>}
                        {is(shown.after) && <><h3>{t("audit.after")}</h3><Value value={shown.after} /></>}
                    </div>
                </Dialog>
            )}
        </>
    );
}

// A changed file is told as its diff.
function Value({ value }: { value: unknown }) {
    const diff = value && typeof value === "object" ? (value as { diff?: unknown }).diff : undefined;
    return typeof diff === "string" ? <Diff text={diff} /> : <Json value={value} />;
}
