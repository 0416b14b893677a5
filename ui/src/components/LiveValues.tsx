// Signals in plain words and points of a charger, as they are now.
import { useCallback, useEffect, useState } from "preact/hooks";
import { api, path } from "../api";
import { NONE, number, withUnit } from "../format";
import { asProblem, useBatch, useStream } from "../hooks";
import { t, tOr } from "../i18n";
import { measureText } from "../pages/station/measures";
import type { Problem, StreamEvent } from "../api";
import type { PointEvent, SignalsEvent } from "../types";
import { Badge, StateBadge, type Tone } from "./Badge";
import { ErrorBox } from "./State";

export type Told = PointEvent | SignalsEvent;

export interface Point extends PointEvent {
    changed: number; // Unix ms; 0: not since it is shown
}
export interface Live {
    signals: Map<number, SignalsEvent>; // by EVSE
    points: Map<string, Point>;
}
export const nothingYet: Live = { signals: new Map(), points: new Map() };

export function withTold(now: Live, items: readonly Told[]): Live {
    const next: Live = { signals: new Map(now.signals), points: new Map(now.points) };
    for (const item of items) {
        if (item.event === "signals") next.signals.set(item.evse, item);
        else if (item.event === "point") {
            const key = `${item.evse}/${item.point}`, before = next.points.get(key);
            const isSame = before && before.value === item.value && before.quality === item.quality;
            const isFirst = !before || before.quality === "none"; // nothing was read before
            next.points.set(key, { ...item, changed: isSame ? before.changed : isFirst ? 0 : Date.now() });
        }
    }
    return next;
}

// What the devices of a station tell: the whole picture first, then each change that `add` is given. "": none.
export function useLive(station: string) {
    const [live, setLive] = useState<Live>(nothingYet);
    const [problem, setProblem] = useState<Problem>();
    const [turn, setTurn] = useState(0);
    useEffect(() => setLive(nothingYet), [station]);
    useEffect(() => {
        const abort = new AbortController();
        api.all<Told>(path`/stations/${station}/points`, {}, abort.signal)
            .then((items) => {
                setLive((now) => withTold(now, items));
                setProblem(undefined);
            })
            .catch((error: unknown) => {
                if (!abort.signal.aborted) setProblem(asProblem(error));
            });
        return () => abort.abort();
    }, [station, turn]);
    const addTold = useBatch<Told>(BATCH_MS, (items) => setLive((now) => withTold(now, items)));
    const add = (event: StreamEvent): void => addTold({ ...(event.data as object), event: event.type } as Told);
    const reload = useCallback(() => setTurn((n) => n + 1), []);
    return { live, problem, reload, add };
}

export function StationLive({ station }: { station: string }) {
    const { live, problem, reload, add } = useLive(station);
    useStream({ types: ["point", "signals"], station }, add, reload);
    return (
        <>
            {problem && <ErrorBox problem={problem} onRetry={reload} />}
            <LiveValues live={live} />
        </>
    );
}

const BATCH_MS = 300;
const tones: Record<string, Tone> = { good: "ok", stale: "warning", bad: "error", none: "neutral" };
export const HIGHLIGHT_MS = 3000;

export function valueText(point: PointEvent): string {
    if (point.value === undefined || point.value === null) return NONE;
    if (typeof point.value === "string") return `“${point.value}”`;
    const text = number(point.value, 6);
    return point.unit ? withUnit(text, point.unit === "Celsius" ? "°C" : point.unit) : text;
}

export const Quality = ({ point }: { point: PointEvent }) => (
    <Badge tone={tones[point.quality] ?? "neutral"}>{tOr("quality." + point.quality, point.quality)}</Badge>
);

export function LiveValues({ live }: { live: Live }) {
    const [now, setNow] = useState(Date.now());
    useEffect(() => {
        const timer = window.setInterval(() => setNow(Date.now()), 1000);
        return () => window.clearInterval(timer);
    }, []);
    if (live.signals.size === 0 && live.points.size === 0) return <p class="muted" role="status">{t("live.waiting")}</p>;
    return (
        <div class="stack">
            {[...live.signals.values()].map((signals) => <SignalFacts key={signals.evse} signals={signals} several={live.signals.size > 1} />)}
            <div class="table-box live-points" tabIndex={0} role="group" aria-label={t("points.points")}>
                <table>
                    <caption class="visually-hidden">{t("points.points")}</caption>
                    <thead><tr><th scope="col">{t("live.point")}</th><th scope="col" class="numeric">{t("live.value")}</th><th scope="col">{t("points.quality")}</th></tr></thead>
                    <tbody>
                        {[...live.points].map(([key, point]) => (
                            <tr key={key} class={now - point.changed < HIGHLIGHT_MS ? "changed" : ""}>
                                <td title={point.at}>{live.signals.size > 1 && <span class="muted">{point.evse} · </span>}{point.point}</td>
                                <td class="numeric" title={point.raw}>{valueText(point)}</td>
                                <td><Quality point={point} /></td>
                            </tr>
                        ))}
                    </tbody>
                </table>
            </div>
        </div>
    );
}

export function SignalFacts({ signals, several }: { signals: SignalsEvent; several: boolean }) {
    return (
        <section>
            {several && <h3>{t("term.evseN", { n: signals.evse })}</h3>}
            <dl class="facts">
                <div><dt>{t("term.state")}</dt><dd><StateBadge state={signals.online ? signals.state : "silent"} /></dd></div>
                {signals.fault && <div><dt>{t("state.faulted")}</dt><dd>{signals.fault}</dd></div>}
                {signals.locked !== undefined && <div><dt>{t("signal.locked")}</dt><dd>{signals.locked ? t("yes") : t("no")}</dd></div>}
                {Object.entries(signals.measured).map(([name, value]) => (
                    <div key={name}><dt title={name}>{tOr("measure." + name, name)}</dt><dd>{measureText(name, value)}</dd></div>
                ))}
            </dl>
        </section>
    );
}
