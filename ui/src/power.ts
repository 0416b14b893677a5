// Power (and energy) over the last while: read once, then continued by what the stream tells.
import { useCallback, useMemo, useState } from "preact/hooks";
import type { Problem } from "./api";
import { useResource } from "./hooks";
import type { PowerSeries } from "./types";

export interface Value {
    time: number; // Unix seconds
    powerW: number | null;
}

export interface PowerHistory {
    times: number[];
    powerW: (number | null)[];
    energyWh: (number | null)[]; // since the beginning of the period, from the power
    problem: Problem | undefined;
    reload: () => void;
    add: (told: ToldPower) => void;
}

// Of an event: by the gateway's clock, as what is read. The browser's may go otherwise.
export interface ToldPower {
    time: string;
    powerW?: number | undefined;
}

export function valueTold({ time, powerW }: ToldPower): Value | undefined {
    const seconds = Date.parse(time) / 1000;
    return typeof powerW === "number" && Number.isFinite(seconds) ? { time: seconds, powerW } : undefined;
}

// `station` undefined: the site's.
export function usePower(station: string | undefined, seconds: number): PowerHistory {
    const read = useResource<PowerSeries>("/power", { station, seconds });
    const [fresh, setFresh] = useState<Value[]>([]);
    const add = useCallback((told: ToldPower) => {
        const value = valueTold(told);
        if (value) setFresh((now) => [...now, value].slice(-5000));
    }, []);
    const shown = useMemo(() => {
        if (!read.data) return { times: [], powerW: [], energyWh: [] };
        return joinSeries(read.data, fresh, seconds);
    }, [read.data, fresh, seconds]);
    return { ...shown, problem: read.problem, reload: read.reload, add };
}

function energyOf(values: Value[]): (number | null)[] {
    let sum = 0;
    return values.map(({ time, powerW }, i) => {
        sum += ((powerW ?? 0) * (time - (values[i - 1]?.time ?? time))) / 3600;
        return powerW === null ? null : sum;
    });
}

// One value a step; of those that came since, too.
export function joinSeries(read: PowerSeries, fresh: Value[], seconds: number): { times: number[]; powerW: (number | null)[]; energyWh: (number | null)[] } {
    const step = Math.max(1, read.stepSeconds);
    const from = Date.parse(read.from) / 1000;
    const values: Value[] = read.powerW.map((powerW, i) => ({ time: from + i * step, powerW }));
    for (const value of fresh) {
        const last = values[values.length - 1];
        if (last && value.time <= last.time) continue; // was read already
        if (last && value.time - last.time < step) values[values.length - 1] = { ...value, time: last.time };
        else values.push({ ...value, time: last ? last.time + Math.floor((value.time - last.time) / step) * step : value.time });
    }
    const oldest = (values[values.length - 1]?.time ?? 0) - seconds;
    const inTime = values.filter((value) => value.time >= oldest);
    const first = inTime.findIndex((value) => value.powerW !== null); // a gateway that has just started knows little
    const kept = first < 0 ? [] : inTime.slice(first);
    return { times: kept.map((v) => v.time), powerW: kept.map((v) => v.powerW), energyWh: energyOf(kept) };
}
