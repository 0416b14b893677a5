// Lines over time by uPlot, in the colours of the theme, with the same in words and as a table for those who do not see it.
import { useEffect, useMemo, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { hourMinute, NONE, time } from "../format";
import { t, useLanguage } from "../i18n";
import { useStore } from "../store";
import { theme } from "../theme";

export interface PlotSeries {
    label: string;
    values: readonly (number | null)[];
    show: (value: number | null | undefined) => string; // with its unit
    color: 1 | 2 | 3 | 4; // --plot-1 ...
    scale?: string; // series of one unit share one; the second scale stands at the right
    fill?: boolean;
}

interface Props {
    title: string;
    times: readonly number[]; // Unix seconds, growing
    series: readonly PlotSeries[];
    height?: number;
}

const css = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function options(props: Props, width: number): uPlot.Options {
    const { series, height = 220 } = props;
    const scales = [...new Set(series.map((one) => one.scale ?? "y"))];
    const grid = { stroke: css("--line"), width: 1 };
    const font = "12px " + getComputedStyle(document.body).fontFamily;
    const axis = { stroke: css("--text-muted"), grid, ticks: grid, font };
    return {
        width,
        height,
        legend: { live: true },
        hooks: { setCursor: [showNewest], setData: [showNewest] },
        cursor: { y: false, focus: { prox: 30 } },
        scales: { x: { range: timeRange }, ...Object.fromEntries(scales.map((name) => [name, { range: rangeFromZero }])) },
        axes: [
            { ...axis, space: 70, values: (_, ticks, __, ___, step) => ticks.map((s) => (step < 60 ? time : hourMinute)(s * 1000)) },
            ...scales.map((scale, i) => ({
                ...axis, scale, side: i === 0 ? 3 : 1, size: 78, ...(i > 0 ? { grid: { show: false } } : {}),
                values: (_: uPlot, ticks: number[]) => ticks.map((tick) => series.find((one) => (one.scale ?? "y") === scale)?.show(tick) ?? ""),
            })),
        ],
        series: [
            { label: t("plot.time"), value: (_, s) => (s === null ? NONE : time(s * 1000)) },
            ...series.map((one) => ({
                label: one.label, scale: one.scale ?? "y", stroke: css(`--plot-${one.color}`), width: 2, spanGaps: false, points: { show: (_: uPlot, __: number, from: number, to: number) => to - from < 3, size: 6 },
                ...(one.fill ? { fill: css(`--plot-${one.color}-fill`) } : {}),
                value: (_: uPlot, value: number | null) => one.show(value),
            })),
        ],
    };
}

// Where nobody points, the legend tells the newest value.
function showNewest(plot: uPlot): void {
    if ((plot.cursor.left ?? -1) < 0) plot.setLegend({ idx: (plot.data[0]?.length ?? 0) - 1 }, false);
}

// Zero is always in sight: a line that trembles by 1 W does not look like a storm.
const LEAST = 10; // W, Wh

function rangeFromZero(_: uPlot, min: number | null, max: number | null): [number, number] {
    const low = Math.min(0, min ?? 0), high = Math.max(0, max ?? 0);
    const least = high - low < LEAST ? LEAST : high; // else all marks of an axis are the same number
    return [low * 1.05, least * 1.08];
}

// One value alone would stand in a day of its own, which uPlot proposes.
const LEAST_SECONDS = 60;

function timeRange(plot: uPlot, min: number | null, max: number | null): [number, number] {
    const from = min ?? 0;
    const isAlone = plot.data[0].length < 2;
    return [from, Math.max(isAlone ? 0 : (max ?? 0), from + LEAST_SECONDS)];
}

export function Plot(props: Props) {
    const { times, series, title } = props;
    const box = useRef<HTMLDivElement>(null);
    const plot = useRef<uPlot | null>(null);
    const shown = useStore(theme);
    const language = useLanguage();
    const data = useMemo(() => [times, ...series.map((one) => one.values)] as uPlot.AlignedData, [times, series]);
    const shape = series.map((one) => one.label + one.color + (one.scale ?? "")).join();
    const isEmpty = times.length === 0;
    useEffect(() => {
        const element = box.current;
        if (!element || isEmpty) return;
        const made = new uPlot(options(props, element.clientWidth || 600), data, element);
        plot.current = made;
        const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: props.height ?? 220 }));
        observer.observe(element);
        return () => {
            observer.disconnect();
            made.destroy();
            plot.current = null;
        };
    }, [shape, shown, language, isEmpty, props.height]);
    useEffect(() => plot.current?.setData(data), [data]);

    return (
        <figure class="plot" aria-label={title}>
            {isEmpty ? <p class="muted">{t("plot.noData")}</p> : <div ref={box} aria-hidden="true" />}
            <figcaption class="visually-hidden">{series.map(summary).join(" ")}</figcaption>
            {!isEmpty && <ValueTable {...props} />}
        </figure>
    );
}

function summary(series: PlotSeries): string {
    const values = series.values.filter((value): value is number => value !== null);
    if (values.length === 0) return `${series.label}: ${t("plot.noData")}`;
    const min = values.reduce((a, b) => Math.min(a, b)), max = values.reduce((a, b) => Math.max(a, b));
    return t("plot.summary", { label: series.label, last: series.show(values[values.length - 1]), min: series.show(min), max: series.show(max) });
}

const TABLE_ROWS = 30;

function ValueTable({ title, times, series }: Props) {
    const step = Math.max(1, Math.floor(times.length / TABLE_ROWS));
    const rows = times.map((_, i) => i).filter((i) => (times.length - 1 - i) % step === 0).reverse();
    return (
        <details class="plot-table">
            <summary>{t("plot.table")}</summary>
            <div class="table-box">
                <table>
                    <caption class="visually-hidden">{title}</caption>
                    <thead><tr><th scope="col">{t("plot.time")}</th>{series.map((one) => <th key={one.label} scope="col" class="numeric">{one.label}</th>)}</tr></thead>
                    <tbody>
                        {rows.map((i) => (
                            <tr key={times[i]}>
                                <td>{time((times[i] ?? 0) * 1000)}</td>
                                {series.map((one) => <td key={one.label} class="numeric">{one.show(one.values[i])}</td>)}
                            </tr>
                        ))}
                    </tbody>
                </table>
            </div>
        </details>
    );
}
