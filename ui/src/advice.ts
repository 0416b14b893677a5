// From what the gateway tells of a trouble to what a person can do about it.
import { t, tOr } from "./i18n";
import type { Attention, StationItem } from "./types";

export interface Advice {
    title: string;
    why: string;
    mend: string[]; // steps, the likeliest first
}

// Kinds of a link's error, by the words of the gateway and of TLS.
const linkErrors: readonly [RegExp, string][] = [
    [/^$|not tried yet/i, "notYet"],
    [/40[13]\b|refused.*(password|auth)|unauthori|forbidden/i, "password"],
    [/404\b/, "notFound"],
    [/status 5\d\d/i, "server"],
    [/certif|tls|ssl|cipher|handshake failure|verify/i, "certificate"],
    [/subprotocol|handshake/i, "protocol"],
    [/resolv|dns|name or service|unknown host|no address/i, "name"],
    [/refused/i, "refused"],
    [/time|no answer|unreachable|no route|lost|cut off/i, "timeout"],
];
const linkKind = (text: string): string => linkErrors.find(([words]) => words.test(text))?.[1] ?? "other";

// The gateway's codes, and the family of words that fits.
const families: readonly [RegExp, string][] = [
    [/link|csms|connection/i, "link"],
    [/silent|offline/i, "silent"],
    [/unknown/i, "starting"],
    [/out.of.service/i, "outOfService"],
    [/inoperative/i, "inoperative"],
    [/lock/i, "lock"],
    [/fault/i, "faulted"],
    [/regist|boot|accept/i, "registration"],
    [/wait|queue|backlog/i, "queue"],
    [/hazard/i, "hazard"],
    [/ident|model/i, "identity"],
    [/cert/i, "certificate"],
];
export const familyOf = (code: string): string => families.find(([words]) => words.test(code))?.[1] ?? "other";

// The gateway's sentence about a device that is left alone, in the language of the pages; how the device does it are its profile's words.
export function hazardText(told: string): string {
    const [, what = "", amps, device = ""] = /^without the gateway (up to ([\d.e+]+) A flow|[^:]+): the device (.*)$/s.exec(told) ?? [];
    const kind = amps !== undefined ? "amps" : /^all/.test(what) ? "max" : /last limit/.test(what) ? "last" : /not known/.test(what) ? "unknown" : "";
    if (!kind) return told.charAt(0).toUpperCase() + told.slice(1);
    return t("hazard.told", { what: tOr("hazard." + kind, what).replace("{amps}", amps ?? ""), device });
}

const lines = (text: string): string[] => text.split("\n").filter(Boolean);

export function linkAdvice(error: string): Advice {
    const kind = linkKind(error);
    return {
        title: t("link.title"),
        why: tOr(`link.${kind}.why`, t("link.why")),
        mend: lines(tOr(`link.${kind}.mend`, t("link.other.mend"))),
    };
}

export function adviceFor(attention: Pick<Attention, "code" | "text">): Advice {
    const family = familyOf(attention.code);
    if (family === "link") return linkAdvice(attention.text);
    if (family === "other") return { title: t("other.title"), why: attention.text, mend: [] };
    return {
        title: tOr(`${family}.title`, attention.text),
        why: tOr(`${family}.why`, attention.text).replace("{fault}", attention.text.split(": ").pop() ?? ""),
        mend: lines(tOr(`${family}.mend`, "")),
    };
}

// Of one family and, for links, of one kind: a CSMS that is down is one trouble, not a thousand.
export interface Trouble {
    key: string;
    severity: "error" | "warning";
    advice: Advice;
    items: (Attention & { station: string })[];
}

export function troublesOf(stations: Iterable<StationItem>): Trouble[] {
    const found = new Map<string, Trouble>();
    for (const station of stations)
        for (const row of station.attention) {
            if (row.severity === "info") continue; // stands on the station's own page
            const severity = row.severity;
            const attention = { ...row, station: station.id };
            const family = familyOf(attention.code);
            const detail = family === "link" ? linkKind(attention.text) + (station.csms ?? "") : family === "other" ? attention.code : "";
            const key = `${severity}/${family}/${detail}`;
            const trouble = found.get(key);
            if (trouble) trouble.items.push(attention);
            else found.set(key, { key, severity, advice: adviceFor(attention), items: [attention] });
        }
    const rank = (trouble: Trouble): number => (trouble.severity === "error" ? 0 : 1);
    return [...found.values()].sort((a, b) => rank(a) - rank(b) || b.items.length - a.items.length);
}
