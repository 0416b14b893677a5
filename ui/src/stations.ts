// All stations, live: read page by page, then kept up to date by the stream's events of type "station".
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { api, type Problem, type StreamEvent } from "./api";
import { asProblem, useBatch } from "./hooks";
import type { StationItem } from "./types";

const BATCH_MS = 400;

async function readAll(signal: AbortSignal): Promise<Map<string, StationItem>> {
    const items = await api.all<StationItem>("/stations", {}, signal);
    return new Map(items.map((item) => [item.id, item]));
}

export interface Stations {
    all: Map<string, StationItem> | undefined;
    problem: Problem | undefined;
    reload: () => void;
    onEvent: (event: StreamEvent) => void; // to be given the page's stream
}

export function useStations(): Stations {
    const [all, setAll] = useState<Map<string, StationItem>>();
    const [problem, setProblem] = useState<Problem>();
    const [turn, setTurn] = useState(0);
    const missed = useRef<StationItem[]>([]); // came while the list was read
    const isReading = useRef(false);
    useEffect(() => {
        const abort = new AbortController();
        isReading.current = true;
        missed.current = [];
        readAll(abort.signal)
            .then((found) => {
                for (const item of missed.current) found.set(item.id, item);
                setAll(found);
                setProblem(undefined);
            })
            .catch((error: unknown) => {
                if (!abort.signal.aborted) setProblem(asProblem(error));
            })
            .finally(() => {
                if (!abort.signal.aborted) isReading.current = false;
            });
        return () => abort.abort();
    }, [turn]);
    const add = useBatch<StationItem>(BATCH_MS, (items) => {
        if (isReading.current) missed.current.push(...items);
        setAll((now) => {
            if (!now) return now;
            const next = new Map(now);
            for (const item of items) next.set(item.id, item);
            return next;
        });
    });
    const onEvent = useCallback((event: StreamEvent) => {
        const item = event.data as StationItem;
        if (event.type === "station" && Array.isArray(item?.evses)) add(item);
    }, [add]);
    const reload = useCallback(() => setTurn((n) => n + 1), []);
    return { all, problem, reload, onEvent };
}
