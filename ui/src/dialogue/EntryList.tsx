// Frames, writes and log lines, newest first; each opens to the whole of it.
import { useState } from "preact/hooks";
import { Badge, type Tone } from "../components/Badge";
import { Icon, type IconName } from "../components/Icon";
import { Json } from "../components/Json";
import { duration, number, time, timeMs, withUnit } from "../format";
import { t, tOr } from "../i18n";
import { stationHref } from "../router";
import type { Entry } from "./events";
import { type Call, callOf, frameOf, frameTitle, isOutgoing, payloadOf, summaryOf } from "./frames";
import { logParts } from "./log";

interface Looks {
    icon: IconName;
    kind: string; // in words, for those who do not see the icon
    title: string;
    text: string;
    badge?: { tone: Tone; text: string };
    took?: string;
    whole?: unknown; // what it opens to
    tone?: Tone;
}

const GOOD = new Set(["Accepted", "ok", "Unlocked", "Success"]);
const SOSO = new Set(["Scheduled", "Pending", "AcceptedCanceled", "RebootRequired"]);
const toneOf = (status: string): Tone => (GOOD.has(status) ? "ok" : SOSO.has(status) ? "info" : "warning");

function took(call: Call, at: string): string {
    const ms = Date.parse(at) - Date.parse(call.time);
    if (!Number.isFinite(ms) || ms < 0) return "";
    return t("dialogue.took", { time: ms < 10_000 ? withUnit(number(ms), "ms") : duration(ms / 1000) });
}

function frameLooks(entry: Entry, calls: Map<string, Call>): Looks | null {
    const frame = frameOf(entry);
    if (!frame) return null;
    const call = callOf(entry, frame, calls);
    const payload = payloadOf(frame) as Record<string, unknown> | null;
    const status = frame[0] === 3 && typeof payload?.status === "string" ? payload.status : frame[0] === 4 ? frame[2] : "";
    const out = isOutgoing(entry);
    return {
        icon: out ? "up" : "down",
        kind: out ? t("dialogue.toCsms") : t("dialogue.fromCsms"),
        title: frameTitle(frame, call),
        text: summaryOf(payload).replace(status ? new RegExp(`^${status}( · )?`) : /^$/, ""),
        ...(status ? { badge: { tone: frame[0] === 4 ? "error" : toneOf(status), text: status } } : {}),
        took: call ? took(call, entry.time) : "",
        whole: frame,
    };
}

function writeLooks(entry: Entry): Looks {
    const { point, value, result, evse } = entry.data;
    return {
        icon: "edit",
        kind: t("dialogue.write"),
        title: t("dialogue.write"),
        text: `${t("term.evseN", { n: String(evse ?? "") })} · ${String(point)} = ${String(value)}`,
        badge: { tone: result === "ok" ? "ok" : "error", text: String(result ?? "") },
        whole: entry.data,
    };
}

function logLooks(entry: Entry): Looks {
    const parts = logParts(entry);
    const tone: Tone = parts.level === "error" ? "error" : parts.level === "warn" ? "warning" : "neutral";
    return {
        icon: tone === "neutral" ? "log" : (tone as IconName),
        kind: tOr("log.of." + parts.level, parts.level),
        title: parts.area,
        text: parts.message,
        tone,
    };
}

export function looksOf(entry: Entry, calls: Map<string, Call>): Looks {
    if (entry.type === "log") return logLooks(entry);
    return (entry.type === "frame" && frameLooks(entry, calls)) || writeLooks(entry);
}

export function EntryList({ entries, calls, withStation }: { entries: readonly Entry[]; calls: Map<string, Call>; withStation: boolean }) {
    return <ol class={`entries ${withStation ? "entries-stations" : ""}`}>
        {entries.map((entry) => <EntryRow key={entry.id} entry={entry} looks={looksOf(entry, calls)} withStation={withStation} />)}
    </ol>;
}

function EntryRow({ entry, looks, withStation }: { entry: Entry; looks: Looks; withStation: boolean }) {
    const [open, setOpen] = useState(false);
    const isFlat = looks.whole === undefined; // a link inside of what opens and closes could not be reached
    const head = (
        <>
            <time class="entry-time" dateTime={entry.time} title={timeMs(entry.time)}>{time(entry.time)}</time>
            <span class={`entry-icon entry-${entry.type === "frame" ? looks.icon : entry.type}`} title={looks.kind}>
                <Icon name={looks.icon} size={16} /><span class="visually-hidden">{looks.kind}</span>
            </span>
            {withStation && <span class="entry-station">{isFlat && entry.station ? <a href={stationHref(entry.station)}>{entry.station}</a> : entry.station}</span>}
            <span class="entry-main">
                <strong>{looks.title}</strong> {looks.badge && <Badge tone={looks.badge.tone}>{looks.badge.text}</Badge>} <span class="entry-text">{looks.text}</span>
                {looks.took && <span class="muted small"> {looks.took}</span>}
            </span>
        </>
    );
    const tone = looks.tone && looks.tone !== "neutral" ? `entry-tone-${looks.tone}` : "";
    if (isFlat) return <li class={`entry entry-flat ${tone}`}><div class="entry-head">{head}</div></li>;
    return (
        <li class={`entry ${tone}`}>
            <details onToggle={(event) => setOpen(event.currentTarget.open)}>
                <summary class="entry-head">{head}</summary>
                {open && withStation && entry.station && <p class="entry-link"><a href={stationHref(entry.station, { tab: "ocpp" })}>{entry.station}</a></p>}
                {open && <Json value={looks.whole} />}
            </details>
        </li>
    );
}
