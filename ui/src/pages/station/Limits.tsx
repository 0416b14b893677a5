// Every limit there is for this charger: who set it, and which one is in force and why.
import { useState } from "preact/hooks";
import { api, path } from "../../api";
import { Badge } from "../../components/Badge";
import { confirm } from "../../components/Dialog";
import { Icon } from "../../components/Icon";
import { Empty, Loaded } from "../../components/State";
import { type Column, Table } from "../../components/Table";
import { toast, toastError } from "../../components/Toast";
import { current, moment, NONE, power } from "../../format";
import { t, tOr } from "../../i18n";
import { useMay } from "../../session";
import type { LimitItem } from "../../types";
import { LimitDialog } from "./LimitDialog";
import type { Model } from "./model";

const limitText = (limit: LimitItem): string => (limit.unit === "W" ? power(limit.limit) : current(limit.limit));
const whoText = (limit: LimitItem): string => (limit.evse > 0 ? t("term.evseN", { n: limit.evse }) : t("limits.whole"));

function sourceText(limit: LimitItem): string {
    if (!limit.source) return tOr("limits.kind." + limit.kind, limit.kind);
    const isProfile = limit.kind !== "external" && limit.chargingProfileId !== undefined;
    return [
        tOr("source." + limit.source, limit.source),
        limit.purpose && tOr("purpose." + limit.purpose, limit.purpose),
        isProfile && t("limits.profile", { id: limit.chargingProfileId ?? "", level: limit.stackLevel ?? 0 }),
        limit.ofStation && t("limits.ofStation"),
    ].filter(Boolean).join(" · ");
}

function whyText(limit: LimitItem): string {
    if (limit.why) return limit.why;
    if (limit.kind === "result") {
        const taken = limit.takenA === undefined ? "" : t("limits.why.taken", { current: current(limit.takenA) });
        return [t("limits.why.result"), taken].filter(Boolean).join(" ");
    }
    if (limit.inForce) return t("limits.why.force");
    return limit.kind === "device" || limit.kind === "share" ? tOr("limits.why." + limit.kind, "") : t("limits.why.not");
}

// Those that this page, too, can set; the CSMS's own are the CSMS's.
const isExternal = (limit: LimitItem): boolean => limit.kind === "external";

// EVSE by EVSE: what counts in the end, what made it so, and the rest.
function inOrder(items: readonly LimitItem[]): LimitItem[] {
    const rank = (limit: LimitItem): number => (limit.kind === "result" ? 0 : limit.inForce ? 1 : 2);
    return [...items].sort((a, b) => a.evse - b.evse || rank(a) - rank(b) || a.limit - b.limit);
}

export function Limits({ model }: { model: Model }) {
    const isOperator = useMay("operator");
    const [open, setOpen] = useState(false);
    const release = async (limit: LimitItem): Promise<void> => {
        const source = limit.source ?? "EMS";
        const text = t("limits.releaseText", { limit: limitText(limit), source: tOr("source." + source, source), who: whoText(limit) });
        if (!await confirm({ title: t("limits.releaseTitle"), text: <p>{text}</p>, confirm: t("limits.release") })) return;
        try {
            await api.post(path`/stations/${model.id}/limits`, { release: true, source, ...(limit.ofStation ? {} : { evse: limit.evse }) });
            toast(t("limits.released"));
            model.refresh();
        } catch (error) {
            toastError(error);
        }
    };
    const columns: Column<LimitItem>[] = [
        { id: "force", title: t("term.state"), cell: (limit) => <Badge tone={limit.inForce ? "active" : "neutral"} icon={limit.inForce ? "ok" : "circle"}>{limit.inForce ? t("limits.inForce") : t("limits.notInForce")}</Badge> },
        { id: "limit", title: t("limits.limit"), cell: (limit) => <strong>{limitText(limit)}</strong>, numeric: true, class: "nowrap" },
        { id: "for", title: t("limits.for"), cell: whoText, class: "nowrap" },
        { id: "who", title: t("limits.who"), cell: sourceText },
        { id: "until", title: t("limits.until"), cell: (limit) => (limit.until ? moment(limit.until) : limit.source ? t("limits.open") : NONE) },
        { id: "why", title: t("limits.why"), cell: whyText },
    ];
    if (isOperator)
        columns.push({ id: "release", title: t("command.title"), cell: (limit) => isExternal(limit) && <button type="button" class="button button-small" onClick={() => void release(limit)}>{t("limits.release")}</button> });
    return (
        <>
            <div class="card-head">
                <p class="muted">{t("limits.hint")}</p>
                {isOperator && <button type="button" class="button" onClick={() => setOpen(true)}><Icon name="limit" size={18} />{t("limits.set")}</button>}
            </div>
            <Loaded from={model.limits}>{({ items }) => (
                <Table caption={t("station.tab.limits")} columns={columns} rows={inOrder(items)}
                    rowKey={(limit) => [limit.evse, limit.source, limit.kind, limit.purpose, limit.chargingProfileId, limit.stackLevel].join("/")}
                    empty={<Empty icon="limit" title={t("limits.none")} />} />
            )}</Loaded>
            {open && <LimitDialog model={model} evse={0} onClose={() => setOpen(false)} />}
        </>
    );
}
