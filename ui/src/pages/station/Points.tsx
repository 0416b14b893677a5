// What the gateway understands of the device (signals), and what the device answers (points), live.
import { useState } from "preact/hooks";
import { SearchField } from "../../components/Form";
import { HIGHLIGHT_MS, Quality, SignalFacts, type Point, valueText } from "../../components/LiveValues";
import { Card } from "../../components/Page";
import { Empty, ErrorBox } from "../../components/State";
import { type Column, Table } from "../../components/Table";
import { time } from "../../format";
import { useClock } from "../../hooks";
import { t } from "../../i18n";
import type { Model } from "./model";

// Four digits a group: registers as manuals show them.
const grouped = (raw: string | undefined): string => (raw ?? "").replace(/(.{4})(?=.)/g, "$1 ");

function columns(several: boolean): Column<Point>[] {
    const all: Column<Point>[] = [
        { id: "evse", title: t("term.evse"), cell: (point) => point.evse, sort: (point) => point.evse, numeric: true, class: "point-evse" },
        { id: "point", title: t("points.name"), cell: (point) => <strong>{point.point}</strong>, sort: (point) => point.point, class: "point-name" },
        { id: "value", title: t("points.value"), cell: valueText, numeric: true, class: "nowrap point-value" },
        { id: "quality", title: t("points.quality"), cell: (point) => <Quality point={point} />, sort: (point) => point.quality },
        { id: "at", title: t("points.address"), cell: (point) => point.at, sort: (point) => point.at, class: "nowrap" },
        { id: "raw", title: t("points.raw"), cell: (point) => <code>{grouped(point.raw)}</code> },
        { id: "changed", title: t("points.changed"), cell: (point) => point.changed > 0 && time(point.changed), sort: (point) => point.changed, class: "nowrap" },
    ];
    return several ? all : all.slice(1);
}

export function Points({ model }: { model: Model }) {
    const [q, setQ] = useState("");
    const now = useClock(1000);
    const all = [...model.live.points.values()];
    const shown = all.filter((point) => (point.point + " " + (point.at ?? "")).toLowerCase().includes(q.toLowerCase()));
    const several = new Set(all.map((point) => point.evse)).size > 1;
    return (
        <div class="stack">
            <Card title={t("points.signals")}>
                <p class="muted small hint">{t("points.signalsHint")}</p>
                <div class="columns">{[...model.live.signals.values()].map((signals) => <SignalFacts key={signals.evse} signals={signals} several={model.live.signals.size > 1} />)}</div>
            </Card>
            <Card title={t("points.points")} class="points">
                <p class="muted small hint">{t("points.pointsHint")}</p>
                {model.pointsProblem && <ErrorBox problem={model.pointsProblem} />}
                <div class="toolbar"><SearchField label={t("points.search")} value={q} onChange={setQ} /></div>
                <Table caption={t("points.points")} columns={columns(several)} rows={shown} rowKey={(point) => `${point.evse}/${point.point}`} pageSize={200}
                    rowClass={(point) => (now - point.changed < HIGHLIGHT_MS ? "changed" : "")}
                    empty={<Empty title={all.length === 0 ? t("points.none") : t("table.nothingFound")} />} />
            </Card>
        </div>
    );
}
