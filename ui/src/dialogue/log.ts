// A line of the log, as text ("TIME LEVEL AREA: sentence: field=value ...") or as JSON, taken apart.
import type { Entry } from "./events";

export interface LogParts {
    level: string; // "error", "warn", "info", "debug"; "" is not known
    area: string;
    message: string;
}

export const levels: readonly string[] = ["debug", "info", "warn", "error"];
const LINE = /^(?:\S*\d{2}:\d{2}\S*\s+)?(error|warn|info|debug)\s+(\w+): (.*)$/s;

function ofJson(line: string): LogParts | null {
    try {
        const { level, area, message, fields } = JSON.parse(line) as Record<string, unknown>;
        const more = fields && typeof fields === "object" ? Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`).join(" ") : "";
        const text = String(message ?? "");
        return { level: String(level ?? ""), area: String(area ?? ""), message: more && !text.includes("=") ? `${text}: ${more}` : text };
    } catch {
        return null;
    }
}

export function logParts(entry: Entry): LogParts {
    const { line, level, area, message, text } = entry.data;
    if (typeof level === "string")
        return { level, area: String(area ?? ""), message: String(message ?? text ?? line ?? "") };
    const whole = String(line ?? text ?? "");
    const found = LINE.exec(whole);
    if (found) return { level: found[1] ?? "", area: found[2] ?? "", message: found[3] ?? "" };
    return (whole.startsWith("{") && ofJson(whole)) || { level: "", area: "", message: whole };
}
