// What happened, newest first: read from the gateway's ring, continued by the stream, held back while one reads.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { api, type Problem, type StreamEvent } from "../api";
import { asProblem, useBatch } from "../hooks";
import type { FeedEvent } from "../types";

export type Entry = FeedEvent<Record<string, unknown>>;

const PAGE = 200;
const MOST = 2000; // in memory; older ones are read again
const BATCH_MS = 300;

export interface EventsFilter {
    types: readonly string[];
    station?: string;
    q?: string;
}

export interface Events {
    entries: readonly Entry[];
    loaded: boolean;
    more: boolean; // the gateway has older ones
    problem: Problem | undefined;
    paused: boolean;
    held: number; // came since the pause
    setPaused: (paused: boolean) => void;
    older: () => void;
    reload: () => void;
    onEvent: (event: StreamEvent) => void;
}

interface EventsPage {
    items: Entry[];
    more: boolean;
    oldest?: number; // how far was looked, if further than what fits
}

// Lines of the log belong to no station, but name it: then they are asked for by that, and both answers are put together without a hole.
async function readPage(filter: EventsFilter, before: number | undefined, signal?: AbortSignal): Promise<EventsPage> {
    const ask = (types: readonly string[], station?: string, q?: string): Promise<EventsPage> =>
        api.get<EventsPage>("/events", { types: types.join(","), station, q, before, limit: PAGE }, signal);
    const { types, station, q } = filter;
    if (!station || !types.includes("log")) return ask(types, station, q);
    const others = types.filter((type) => type !== "log");
    const pages = await Promise.all([ask(["log"], undefined, station), ...(others.length > 0 ? [ask(others, station, q)] : [])]);
    return joinPages(pages, filter);
}

export function joinPages(pages: readonly EventsPage[], filter: EventsFilter): EventsPage {
    // Below the last one of a page that has more, that page's are not known yet.
    const known = Math.max(0, ...pages.filter((page) => page.more).map((page) => page.items[page.items.length - 1]?.id ?? 0));
    const items = pages.flatMap((page) => page.items).filter((entry) => entry.id >= known && fits(entry, filter)).sort((a, b) => b.id - a.id);
    return { items, more: pages.some((page) => page.more), oldest: known };
}

function toEntry(event: StreamEvent): Entry {
    const data = (event.data ?? {}) as Record<string, unknown>;
    return {
        id: Number(event.id),
        time: typeof data.time === "string" ? data.time : new Date().toISOString(),
        type: event.type,
        station: typeof data.station === "string" ? data.station : "",
        data,
    };
}

const fits = (entry: Entry, filter: EventsFilter): boolean =>
    filter.types.includes(entry.type)
    && (!filter.station || entry.station === filter.station || (entry.type === "log" && JSON.stringify(entry.data).includes(filter.station)))
    && (!filter.q || JSON.stringify(entry.data).toLowerCase().includes(filter.q.toLowerCase()));

// Newest first, each once.
function join(fresh: readonly Entry[], known: readonly Entry[]): Entry[] {
    const ids = new Set(known.map((entry) => entry.id));
    const added = fresh.filter((entry) => !ids.has(entry.id));
    return [...added, ...known].sort((a, b) => b.id - a.id).slice(0, MOST);
}

export function useEvents(filter: EventsFilter): Events {
    const [entries, setEntries] = useState<readonly Entry[]>([]);
    const [held, setHeld] = useState<readonly Entry[]>([]);
    const [paused, setPausedState] = useState(false);
    const [more, setMore] = useState(false);
    const [loaded, setLoaded] = useState(false);
    const [problem, setProblem] = useState<Problem>();
    const [turn, setTurn] = useState(0);
    const types = filter.types.join(",");
    const key = [types, filter.station, filter.q].join("|");
    const current = useRef({ filter, paused });
    current.current = { filter, paused };
    const shownKey = useRef(""); // the filter that the entries fit
    const oldest = useRef<number | undefined>(undefined);

    const read = useCallback(async (before: number | undefined, signal?: AbortSignal) => {
        const page = await readPage(current.current.filter, before, signal);
        const last = page.oldest || page.items[page.items.length - 1]?.id;
        if (last !== undefined) oldest.current = before === undefined ? last : Math.min(last, before);
        return page;
    }, [key]);
    useEffect(() => {
        if (!types) {
            shownKey.current = key;
            setEntries([]);
            setLoaded(true);
            return;
        }
        const abort = new AbortController();
        read(undefined, abort.signal)
            .then((page) => {
                const isOther = shownKey.current !== key;
                shownKey.current = key;
                // What is not next to what was there would leave a hole that nobody sees.
                const end = page.items[page.items.length - 1]?.id ?? 0;
                setEntries((now) => (isOther || (page.more && (now[0]?.id ?? 0) < end) ? page.items : join(page.items, now)));
                if (isOther) setHeld([]);
                setMore(page.more);
                setProblem(undefined);
                setLoaded(true);
            })
            .catch((error: unknown) => {
                if (!abort.signal.aborted) setProblem(asProblem(error));
            });
        return () => abort.abort();
    }, [key, turn]);

    const add = useBatch<Entry>(BATCH_MS, (items) => {
        const fitting = items.filter((entry) => fits(entry, current.current.filter));
        if (fitting.length === 0) return;
        (current.current.paused ? setHeld : setEntries)((now) => join(fitting, now));
    });
    const onEvent = useCallback((event: StreamEvent) => {
        if (event.type === "frame" || event.type === "write" || event.type === "log") add(toEntry(event));
    }, [add]);
    const setPaused = useCallback((pause: boolean) => {
        setPausedState(pause);
        if (pause) return;
        setEntries((now) => join(held, now));
        setHeld([]);
    }, [held]);
    const older = useCallback(() => {
        read(oldest.current)
            .then((page) => {
                setEntries((now) => join(page.items, now));
                setMore(page.more && entries.length + page.items.length < MOST);
            })
            .catch((error: unknown) => setProblem(asProblem(error)));
    }, [entries, read]);
    const reload = useCallback(() => setTurn((n) => n + 1), []);
    return { entries, loaded, more, problem, paused, held: held.length, setPaused, older, reload, onEvent };
}
