// Numbers, units and times as the chosen language writes them. Values that are not there are an en dash.
import { language } from "./i18n";

export const NONE = "\u2013";
type Maybe = number | null | undefined;

const is = (value: Maybe): value is number => typeof value === "number" && Number.isFinite(value);

const made = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>();
function cached<T extends Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>(key: string, make: () => T): T {
    const full = language.get() + key;
    let one = made.get(full);
    if (!one) made.set(full, (one = make()));
    return one as T;
}

export function number(value: Maybe, digits = 0, least = 0): string {
    if (!is(value)) return NONE;
    const format = cached(`n${digits}/${least}`, () =>
        new Intl.NumberFormat(language.get(), { maximumFractionDigits: digits, minimumFractionDigits: least }));
    return format.format(Object.is(value, -0) || Math.abs(value) < 0.5 / 10 ** digits ? 0 : value);
}

// A no-break space between number and unit, in both languages (ISO 80000-1).
export const withUnit = (text: string, unit: string): string => (text === NONE ? NONE : text + "\u00a0" + unit);
export const quantity = (value: Maybe, unit: string, digits = 1): string => withUnit(number(value, digits), unit);

export function power(watts: Maybe): string {
    if (!is(watts)) return NONE;
    const size = Math.abs(watts);
    if (size >= 999_500) return withUnit(number(watts / 1e6, 2, 2), "MW");
    if (size >= 99_950) return withUnit(number(watts / 1000), "kW");
    if (size >= 1000) return withUnit(number(watts / 1000, 1, 1), "kW");
    return withUnit(number(watts), "W");
}

export function energy(wattHours: Maybe): string {
    if (!is(wattHours)) return NONE;
    const size = Math.abs(wattHours);
    if (size >= 999_500) return withUnit(number(wattHours / 1e6, 2, 2), "MWh");
    if (size >= 1000) return withUnit(number(wattHours / 1000, 2, size >= 99_950 ? 0 : 2), "kWh");
    return withUnit(number(wattHours), "Wh");
}

export const current = (amperes: Maybe): string => quantity(amperes, "A");
export const voltage = (volts: Maybe): string => quantity(volts, "V", 0);

// "1:05:09" is hard to read aloud: "1 h 5 min", "42 s".
export function duration(seconds: Maybe): string {
    if (!is(seconds)) return NONE;
    const total = Math.max(0, Math.round(seconds));
    const words = language.get() === "ja" ? ["日", "時間", "分", "秒"] : ["d", "h", "min", "s"];
    const sizes = [86400, 3600, 60, 1];
    const first = sizes.findIndex((size) => total >= size);
    if (first < 0) return part(0, words[3] ?? "s");
    const size = sizes[first] ?? 1;
    const next = sizes[first + 1];
    const text = part(Math.floor(total / size), words[first] ?? "");
    const rest = next ? Math.floor((total % size) / next) : 0;
    return rest ? text + " " + part(rest, words[first + 1] ?? "") : text;
}
const part = (n: number, word: string): string =>
    language.get() === "ja" ? number(n) + word : number(n) + "\u00a0" + word;

type Time = Date | string | number | null | undefined; // RFC 3339, or Unix ms
export function toDate(time: Time): Date | null {
    if (time === null || time === undefined || time === "") return null;
    const date = time instanceof Date ? time : new Date(time);
    return Number.isNaN(date.getTime()) ? null : date;
}

function when(time: Time, key: string, options: Intl.DateTimeFormatOptions): string {
    const date = toDate(time);
    return date ? cached(key, () => new Intl.DateTimeFormat(language.get(), options)).format(date) : NONE;
}
const clock: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
export const time = (at: Time): string => when(at, "t", { ...clock, second: "2-digit" });
export const timeMs = (at: Time): string => when(at, "tm", { ...clock, second: "2-digit", fractionalSecondDigits: 3 });
export const hourMinute = (at: Time): string => when(at, "hm", clock);
export const date = (at: Time): string => when(at, "d", { year: "numeric", month: "short", day: "numeric" });
export const dateTime = (at: Time): string =>
    when(at, "dt", { year: "numeric", month: "short", day: "numeric", ...clock, second: "2-digit" });

// The time alone if it is of today.
export function moment(at: Time): string {
    const there = toDate(at);
    if (!there) return NONE;
    return there.toDateString() === new Date().toDateString() ? time(there) : dateTime(there);
}

// "3 minutes ago"
export function ago(at: Time, now = Date.now()): string {
    const there = toDate(at);
    if (!there) return NONE;
    const seconds = (there.getTime() - now) / 1000;
    const format = cached("r", () => new Intl.RelativeTimeFormat(language.get(), { numeric: "auto" }));
    const size = Math.abs(seconds);
    if (size < 60) return format.format(Math.round(seconds), "second");
    if (size < 3600) return format.format(Math.round(seconds / 60), "minute");
    if (size < 86400) return format.format(Math.round(seconds / 3600), "hour");
    return format.format(Math.round(seconds / 86400), "day");
}
