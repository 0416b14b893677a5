// OCPP frames in words: which answer belongs to which question, and what a message says in a line.
import { t } from "../i18n";
import type { Frame } from "../types";
import type { Entry } from "./events";

export interface Call {
    action: string;
    time: string;
}

// The frame of an entry, if it is one; what comes from outside is looked at before it is believed.
export function frameOf(entry: Entry): Frame | null {
    const frame = entry.data.frame;
    return Array.isArray(frame) && typeof frame[0] === "number" && frame.length >= 3 ? (frame as unknown as Frame) : null;
}

export const isOutgoing = (entry: Entry): boolean => entry.data.outgoing === true;

// Questions by station, direction and message id: an answer goes the other way.
const callKey = (station: string, outgoing: boolean, id: string): string => `${station}/${outgoing}/${id}`;

export function callsOf(entries: readonly Entry[]): Map<string, Call> {
    const calls = new Map<string, Call>();
    for (const entry of entries) {
        const frame = frameOf(entry);
        if (frame?.[0] === 2) calls.set(callKey(entry.station, isOutgoing(entry), frame[1]), { action: frame[2], time: entry.time });
    }
    return calls;
}

export function callOf(entry: Entry, frame: Frame, calls: Map<string, Call>): Call | undefined {
    return frame[0] === 2 ? undefined : calls.get(callKey(entry.station, !isOutgoing(entry), frame[1]));
}

export function frameTitle(frame: Frame, call: Call | undefined): string {
    if (frame[0] === 2) return frame[2];
    if (!call) return t("dialogue.answerUnknown");
    return frame[0] === 3 ? t("dialogue.answer", { action: call.action }) : t("dialogue.error", { action: call.action });
}

export function actionOf(frame: Frame, call: Call | undefined): string {
    return frame[0] === 2 ? frame[2] : (call?.action ?? "");
}

export function payloadOf(frame: Frame): unknown {
    if (frame[0] === 2) return frame[3];
    return frame[0] === 3 ? frame[2] : { code: frame[2], description: frame[3], details: frame[4] };
}

// What says most about a message comes first; the rest follows as it stands.
const FIRST = ["status", "code", "eventType", "type", "operationalStatus", "connectorStatus", "evseId", "connectorId", "triggerReason",
    "requestedMessage", "transactionId", "chargingState", "evse", "idToken", "reasonCode", "reason", "limit", "seqNo"];
const LEFT_OUT = new Set(["timestamp", "currentTime", "customData", "vendorId", "meterValue", "type"]);
const WITHOUT_NAME = new Set(["status", "eventType", "connectorStatus", "triggerReason", "chargingState", "operationalStatus", "requestedMessage"]);
const UUID = /^([0-9a-f]{8})-[0-9a-f-]{27}$/i; // its beginning tells one from another
const LONGEST = 160;

function scalars(value: unknown, name: string, found: [string, string][], depth: number): void {
    if (found.length > 40 || depth > 7 || LEFT_OUT.has(name)) return;
    if (value === null || value === undefined) return;
    if (typeof value !== "object") {
        if (value !== "") found.push([name, String(value).replace(UUID, "$1…")]);
        return;
    }
    const inner: [string, unknown][] = Array.isArray(value) ? value.slice(0, 2).map((one) => [name, one]) : Object.entries(value);
    for (const [key, one] of inner) scalars(one, key === "id" && name ? name : key, found, depth + 1); // "evse 1", not "id 1"
}

interface SampledValue {
    value?: number;
    measurand?: string;
    phase?: string;
    unitOfMeasure?: { unit?: string; multiplier?: number };
}
const SAMPLES = 6;

// "4104 Wh, 10966 W, 16 A L1" of the newest meter value.
function metersOf(payload: unknown): string {
    const list = (payload as { meterValue?: { sampledValue?: SampledValue[] }[] } | null)?.meterValue;
    const samples = Array.isArray(list) ? list[list.length - 1]?.sampledValue : undefined;
    if (!Array.isArray(samples)) return "";
    const texts = samples.slice(0, SAMPLES).map((one) => {
        const unit = one.unitOfMeasure?.unit ?? ((one.measurand ?? "Energy").startsWith("Energy") ? "Wh" : "");
        const power = one.unitOfMeasure?.multiplier ? `·10^${one.unitOfMeasure.multiplier}` : "";
        return [String(one.value ?? "") + power, unit, one.phase].filter(Boolean).join(" ");
    });
    return texts.join(", ") + (samples.length > SAMPLES ? ", …" : "");
}

export function summaryOf(payload: unknown): string {
    const meters = metersOf(payload);
    const found: [string, string][] = [];
    scalars(payload, "", found, 0);
    const text = found
        .map((one, i) => ({ one, order: FIRST.includes(one[0]) ? FIRST.indexOf(one[0]) : FIRST.length + i }))
        .sort((a, b) => a.order - b.order)
        .map(({ one: [name, value] }) => (WITHOUT_NAME.has(name) ? value : `${name} ${value}`))
        .concat(meters || [])
        .join(" · ");
    return text.length > LONGEST ? text.slice(0, LONGEST) + "…" : text;
}
