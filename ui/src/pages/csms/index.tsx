// CSMS connections with what is wrong at their stations, and all certificates with the days they have left.
import { useState } from "preact/hooks";
import { api, path } from "../../api";
import { linkAdvice } from "../../advice";
import type { Certificate, Csms } from "../../admin";
import { Badge, type Tone } from "../../components/Badge";
import { confirm } from "../../components/Dialog";
import { Icon } from "../../components/Icon";
import { Card, PageHead } from "../../components/Page";
import { Empty, Loaded, Notice } from "../../components/State";
import { type Column, Table } from "../../components/Table";
import { toast, toastError } from "../../components/Toast";
import { date, NONE, number, toDate } from "../../format";
import { useList, useStream } from "../../hooks";
import { t, tn, tOr } from "../../i18n";
import { stationHref } from "../../router";
import { useMay } from "../../session";
import { useStations } from "../../stations";
import type { StationItem } from "../../types";
import { CertificateDialog } from "./CertificateDialog";
import { ConnectionDialog } from "./ConnectionDialog";

export function Connections() {
    const csms = useList<Csms>("/csms");
    const certificates = useList<Certificate>("/certificates");
    const stations = useStations();
    useStream({ types: ["station"] }, stations.onEvent, () => {
        stations.reload();
        csms.reload();
    });
    return (
        <>
            <PageHead title={t("page.csms")} lead={t("csms.lead")} />
            <Loaded from={csms}>{(rows) => <ConnectionTable rows={rows} stations={stations.all} reload={csms.reload} />}</Loaded>
            <Loaded from={certificates}>{(rows) => <Certificates rows={rows} reload={certificates.reload} />}</Loaded>
        </>
    );
}

async function remove(name: string, reload: () => void): Promise<void> {
    const yes = await confirm({ title: t("csms.removeTitle", { name }), text: <p>{t("csms.removeText")}</p>, confirm: t("csms.remove"), danger: true });
    if (!yes) return;
    try {
        await api.delete(path`/csms/${name}`);
        toast(t("csms.removed", { name }));
    } catch (error) {
        toastError(error);
    }
    reload();
}

function ConnectionTable({ rows, stations, reload }: { rows: Csms[]; stations: Map<string, StationItem> | undefined; reload: () => void }) {
    const isAdmin = useMay("admin");
    const [isAdding, add] = useState(false);
    const all = [...(stations?.values() ?? [])];
    const connected = (one: Csms): number => (stations ? all.filter((item) => item.csms === one.name && item.link === "up").length : one.connected);
    const columns: Column<Csms>[] = [
        { id: "name", title: t("csms.name"), cell: (one) => <strong>{one.name}</strong>, sort: (one) => one.name },
        { id: "url", title: t("csms.url"), cell: (one) => <code>{one.url}</code>, sort: (one) => one.url },
        { id: "security", title: t("csms.security"), cell: (one) => tOr("csms.security." + one.securityProfile, String(one.securityProfile)), sort: (one) => one.securityProfile },
        { id: "connected", title: t("csms.connected"), sort: (one) => connected(one) - one.stations, cell: (one) => {
            const isWhole = connected(one) >= one.stations;
            return <Badge tone={one.stations === 0 ? "neutral" : isWhole ? "ok" : "error"} icon={isWhole ? "ok" : "error"}>{t("csms.ofStations", { n: number(connected(one)), total: number(one.stations) })}</Badge>;
        } },
        { id: "roots", title: t("csms.roots"), cell: (one) => (one.url.startsWith("wss") ? one.caFile ? <code>{one.caFile}</code> : t("csms.systemRoots") : NONE) },
        ...(isAdmin ? [{ id: "actions", title: t("csms.remove"), cell: (one: Csms) => (one.stations > 0
            ? <span class="muted small">{t("csms.inUse")}</span>
            : <button type="button" class="button button-small" aria-label={t("csms.removeOf", { name: one.name })} onClick={() => void remove(one.name, reload)}>{t("csms.remove")}</button>) }] : []),
    ];
    const addButton = isAdmin && <button type="button" class={`button ${rows.length === 0 ? "button-primary" : ""}`} onClick={() => add(true)}><Icon name="add" size={17} />{t("csms.add")}</button>;
    const broken = all.filter((item) => item.link !== "up");
    return (
        <Card title={t("csms.connections")} actions={rows.length > 0 && addButton}>
            <Table caption={t("csms.connections")} columns={columns} rows={rows} rowKey={(one) => one.name} sortedBy="name" empty={<Empty icon="csms" title={t("csms.none")}><p>{t("csms.noneText")}</p>{addButton}</Empty>} />
            {stations && all.length > 0 && broken.length === 0 && <p class="all-well">{t("csms.noErrors")}</p>}
            {broken.length > 0 && <Broken stations={broken} />}
            {isAdding && <ConnectionDialog taken={rows.map(({ name }) => name)} onClose={() => add(false)} onDone={reload} />}
        </Card>
    );
}

// Stations that have the same error of the same CSMS are one line.
function Broken({ stations }: { stations: StationItem[] }) {
    const groups = new Map<string, StationItem[]>();
    for (const station of stations) {
        const key = JSON.stringify([station.csms ?? "", station.linkError ?? ""]);
        groups.set(key, [...(groups.get(key) ?? []), station]);
    }
    return (
        <section class="stack">
            <h3>{t("csms.errors")}</h3>
            <ul class="troubles">
                {[...groups].sort((a, b) => b[1].length - a[1].length).map(([key, items]) => {
                    const [name, error] = JSON.parse(key) as [string, string];
                    const advice = linkAdvice(error);
                    return (
                        <li key={key} class="trouble trouble-error">
                            <h4>{name} · {tn("count.chargers", items.length)}</h4>
                            <p>{advice.why}</p>
                            {error && <p class="muted small">{t("csms.told")}: <code>{error}</code></p>}
                            <p class="trouble-who">{items.slice(0, 30).map(({ id }) => <a key={id} href={stationHref(id)}>{id}</a>)}{items.length > 30 && <span>+{number(items.length - 30)}</span>}</p>
                            {advice.mend.length > 0 && <ol>{advice.mend.map((step) => <li key={step}>{step}</li>)}</ol>}
                        </li>
                    );
                })}
            </ul>
        </section>
    );
}

const DAY_MS = 86_400_000;
const SOON_DAYS = 30;

const daysLeft = (one: Certificate): number | undefined => {
    const end = toDate(one.notAfter);
    return end ? Math.floor((end.getTime() - Date.now()) / DAY_MS) : undefined;
};

function Left({ of }: { of: Certificate }) {
    const days = daysLeft(of);
    if (days === undefined) return <>{NONE}</>;
    const tone: Tone = days < 0 ? "error" : days < SOON_DAYS ? "warning" : "ok";
    return <Badge tone={tone} icon={tone}>{days < 0 ? t("certs.expired") : tn("certs.days", days)}</Badge>;
}

function Certificates({ rows, reload }: { rows: Certificate[]; reload: () => void }) {
    const isAdmin = useMay("admin");
    const [isOpen, open] = useState(false);
    const own = rows.find((one) => one.use === "management");
    const canReplace = own !== undefined && !own.configured;
    const columns: Column<Certificate>[] = [
        { id: "of", title: t("certs.of"), cell: (one) => (one.station ? <a href={stationHref(one.station)}>{one.station}</a> : t("certs.management")), sort: (one) => one.station ?? "" },
        { id: "subject", title: t("certs.subject"), cell: (one) => [one.subject, one.organization].filter(Boolean).join(", ") || NONE, sort: (one) => one.subject },
        { id: "issuer", title: t("certs.issuer"), cell: (one) => (one.selfSigned ? t("certs.selfSigned") : one.issuer || NONE), sort: (one) => one.issuer },
        { id: "until", title: t("certs.until"), cell: (one) => date(one.notAfter), sort: (one) => one.notAfter, class: "nowrap" },
        { id: "left", title: t("certs.left"), cell: (one) => <Left of={one} />, sort: daysLeft },
        { id: "fingerprint", title: t("certs.fingerprint"), cell: (one) => <code class="small" title={one.fingerprint}>{one.fingerprint ? one.fingerprint.slice(0, 23) + (one.fingerprint.length > 23 ? "…" : "") : NONE}</code> },
    ];
    return (
        <Card title={t("certs.title")} actions={isAdmin && canReplace && <button type="button" class="button" onClick={() => open(true)}>{t("certs.replace")}</button>}>
            {isAdmin && own?.configured && <Notice tone="info"><p>{t("certs.configured")}</p></Notice>}
            <Table caption={t("certs.title")} columns={columns} rows={rows} rowKey={(one) => `${one.use}/${one.station ?? ""}/${one.serial ?? one.fingerprint ?? ""}`} sortedBy="left"
                empty={<Empty icon="certificate" title={t("certs.none")} />} />
            {!isAdmin && canReplace && <p class="muted small">{t("certs.needAdmin")}</p>}
            {isOpen && <CertificateDialog onClose={() => open(false)} onDone={reload} />}
        </Card>
    );
}
