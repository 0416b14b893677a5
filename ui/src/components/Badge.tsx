// What state something is in, by shape, word and colour.
import type { ComponentChildren } from "preact";
import { tOr } from "../i18n";
import type { EvseState, ItemEvse } from "../types";
import { Icon, type IconName } from "./Icon";

export type Tone = "neutral" | "ok" | "active" | "info" | "warning" | "error";

export function Badge({ tone = "neutral", icon, children }: { tone?: Tone; icon?: IconName; children: ComponentChildren }) {
    return (
        <span class={`badge badge-${tone}`}>
            {icon && <Icon name={icon} size={14} />}
            {children}
        </span>
    );
}

// A device that does not answer is in no state: "silent".
export type ShownState = EvseState | "silent";
export const shownState = (evse: Pick<ItemEvse, "online" | "state">): ShownState => (evse.online ? evse.state : "silent");

export const stateLooks: Record<ShownState, { tone: Tone; icon: IconName }> = {
    charging: { tone: "active", icon: "bolt" },
    connected: { tone: "info", icon: "plug" },
    suspended_ev: { tone: "info", icon: "pause" },
    suspended_evse: { tone: "info", icon: "pause" },
    available: { tone: "ok", icon: "circle" },
    unavailable: { tone: "neutral", icon: "off" },
    unknown: { tone: "neutral", icon: "question" },
    silent: { tone: "error", icon: "silent" },
    faulted: { tone: "error", icon: "error" },
};
// In this order they are counted and offered as a filter: what needs someone first.
export const statesInOrder: readonly ShownState[] = [
    "faulted", "silent", "charging", "suspended_ev", "suspended_evse", "connected", "available", "unavailable", "unknown"];

export const stateName = (state: string): string => tOr("state." + state, state);

export function StateBadge({ state }: { state: string }) {
    const look = stateLooks[state as ShownState] ?? stateLooks.unknown;
    return <Badge tone={look.tone} icon={look.icon}>{stateName(state)}</Badge>;
}

export function SeverityBadge({ severity }: { severity: "error" | "warning" }) {
    return <Badge tone={severity} icon={severity}>{tOr("severity." + severity, severity)}</Badge>;
}
