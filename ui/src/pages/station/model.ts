// All that a charger's page shows, kept up to date by its one stream.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { path, type Problem, type StreamEvent } from "../../api";
import { type Live, useLive } from "../../components/LiveValues";
import { type Events, useEvents } from "../../dialogue/events";
import { type Resource, useResource, useStream } from "../../hooks";
import { type PowerHistory, usePower } from "../../power";
import type { LimitItem, Page, StationItem, StationStatus } from "../../types";

export interface Model {
    id: string;
    status: Resource<StationStatus>;
    item: StationItem | undefined;
    live: Live;
    pointsProblem: Problem | undefined;
    limits: Resource<Page<LimitItem>>;
    events: Events;
    power: PowerHistory;
    refresh: () => void; // something was done that the stream may not tell
}

const REREAD_MS = 1500; // status and limits are read anew at most so often
export const POWER_SECONDS = 3600;

// Calls `run` soon, and not again before `ms` are over.
function useThrottle(run: () => void, ms: number): () => void {
    const state = useRef({ timer: 0, run });
    state.current.run = run;
    useEffect(() => () => window.clearTimeout(state.current.timer), []);
    return useCallback(() => {
        const now = state.current;
        if (now.timer) return;
        now.timer = window.setTimeout(() => {
            now.timer = 0;
            now.run();
        }, ms);
    }, [ms]);
}

// undefined: no EVSE tells its power; of the phases the gateway knows more, and its series tells it.
function powerOf(item: StationItem): number | undefined {
    const values = item.evses.filter((evse) => evse.online).map((evse) => evse.powerW);
    const told = values.filter((value): value is number => value !== undefined);
    return told.length > 0 ? told.reduce((a, b) => a + b, 0) : undefined;
}

export function useStation(id: string): Model {
    const status = useResource<StationStatus>(path`/stations/${id}`);
    const limits = useResource<Page<LimitItem>>(path`/stations/${id}/limits`, { limit: 1000 });
    const devices = useLive(id);
    const events = useEvents({ types: ["frame", "write"], station: id });
    const power = usePower(id, POWER_SECONDS);
    const [news, setNews] = useState<StationItem>();
    const refresh = useCallback(() => {
        status.reload();
        limits.reload();
    }, [status.reload, limits.reload]);
    const soon = useThrottle(refresh, REREAD_MS);

    const onEvent = (event: StreamEvent): void => {
        if (event.type === "station") {
            const item = event.data as StationItem & { time: string };
            setNews(item);
            power.add({ time: item.time, powerW: powerOf(item) });
            soon();
        } else if (event.type === "signals" || event.type === "point")
            devices.add(event);
        else events.onEvent(event);
    };
    useStream({ types: ["station", "signals", "point", "frame", "write"], station: id }, onEvent, () => {
        setNews(undefined);
        refresh();
        devices.reload();
        events.reload();
        power.reload();
    });
    const item = news ?? status.data?.item;
    return { id, status, item, live: devices.live, pointsProblem: devices.problem, limits, events, power, refresh };
}
