// Hooks for pages: what the API tells, and the stream.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { api, Problem, type Query, Stream, type StreamEvent, type StreamFilter } from "./api";

export interface Resource<T> {
    data: T | undefined; // the last good answer; stays while it is read anew
    problem: Problem | undefined; // of the last attempt
    loading: boolean;
    reload: () => void;
    set: (change: (now: T) => T) => void; // what the stream tells of it
}

export function asProblem(error: unknown): Problem {
    return error instanceof Problem ? error : new Problem(0, "", error instanceof Error ? error.message : String(error));
}

// GETs `path` when it or the query changes; null: nothing to ask for now. `everyMs`: again and again.
export function useResource<T>(path: string | null, query: Query = {}, everyMs = 0): Resource<T> {
    return useRead(keyOf(path, query), (signal) => api.get<T>(path ?? "", query, signal), everyMs);
}

// A whole list, however long.
export function useList<T>(path: string | null, query: Query = {}): Resource<T[]> {
    return useRead(keyOf(path, query), (signal) => api.all<T>(path ?? "", query, signal), 0);
}

const keyOf = (path: string | null, query: Query): string | null => (path === null ? null : path + "?" + JSON.stringify(query));

function useRead<T>(key: string | null, read: (signal: AbortSignal) => Promise<T>, everyMs: number): Resource<T> {
    const [data, setData] = useState<T>();
    const [problem, setProblem] = useState<Problem>();
    const [loading, setLoading] = useState(key !== null);
    const [turn, setTurn] = useState(0);
    const lastKey = useRef(key);
    useEffect(() => {
        if (key === null) return;
        if (lastKey.current !== key) {
            lastKey.current = key;
            setProblem(undefined);
        }
        const abort = new AbortController();
        let timer = 0;
        setLoading(true);
        read(abort.signal)
            .then((answer) => {
                setData(() => answer);
                setProblem(undefined);
            })
            .catch((error: unknown) => {
                if (!abort.signal.aborted) setProblem(asProblem(error));
            })
            .finally(() => {
                if (abort.signal.aborted) return;
                setLoading(false);
                if (everyMs > 0) timer = window.setTimeout(() => setTurn((n) => n + 1), everyMs);
            });
        return () => {
            window.clearTimeout(timer);
            abort.abort();
        };
    }, [key, turn, everyMs]);
    const reload = useCallback(() => setTurn((n) => n + 1), []);
    const set = useCallback((change: (now: T) => T) => setData((now) => (now === undefined ? now : change(now))), []);
    return { data, problem, loading, reload, set };
}

// The page's one stream. `onGap`: read anew what is shown, at the beginning and whenever something was missed. Handlers may change from draw to draw; only another filter connects anew.
export function useStream(filter: StreamFilter, onEvent: (event: StreamEvent) => void, onGap: () => void): void {
    const handlers = useRef({ onEvent, onGap });
    handlers.current = { onEvent, onGap };
    const types = filter.types.join(",");
    useEffect(() => {
        const stream = new Stream(filter, (event) => handlers.current.onEvent(event), () => handlers.current.onGap());
        return () => stream.close();
    }, [types, filter.station]);
}

// `value`, when it has not changed for so long: for a filter that is typed.
export function useSettled<T>(value: T, ms = 250): T {
    const [settled, setSettled] = useState(value);
    useEffect(() => {
        const timer = window.setTimeout(() => setSettled(value), ms);
        return () => window.clearTimeout(timer);
    }, [value, ms]);
    return settled;
}

// Redraws every so often: "3 minutes ago".
export function useClock(everyMs = 1000): number {
    const [now, setNow] = useState(Date.now());
    useEffect(() => {
        const timer = window.setInterval(() => setNow(Date.now()), everyMs);
        return () => window.clearInterval(timer);
    }, [everyMs]);
    return now;
}

// Gathers what comes fast and gives it at most every `ms`: a thousand chargers do not redraw a page a thousand times.
export function useBatch<T>(ms: number, take: (items: T[]) => void): (item: T) => void {
    const state = useRef({ items: [] as T[], timer: 0, take });
    state.current.take = take;
    useEffect(() => () => window.clearTimeout(state.current.timer), []);
    return useCallback((item: T) => {
        const now = state.current;
        now.items.push(item);
        if (now.timer) return;
        now.timer = window.setTimeout(() => {
            now.timer = 0;
            const items = now.items;
            now.items = [];
            now.take(items);
        }, ms);
    }, [ms]);
}
