// What the API tells, as docs and the OpenAPI description of the daemon say it.
export type Role = "viewer" | "operator" | "admin";

export interface Session {
    user: string;
    role: Role;
    csrf: string;
    version?: string;
}

export interface Page<T> {
    items: T[];
    total: number;
    offset: number;
    limit: number;
}

export type EvseState =
    | "unknown" | "available" | "connected" | "charging" | "suspended_ev" | "suspended_evse" | "faulted" | "unavailable";

export interface Attention {
    station?: string; // of an overview's; in a station's item it is clear
    evse?: number;
    severity: "error" | "warning" | "info";
    code: string;
    text: string;
    since?: string;
}

export interface ItemTransaction {
    id: string;
    startedAt?: string;
    energyWh?: number;
    idToken?: string;
}

export interface ItemEvse {
    evse: number;
    state: EvseState;
    online: boolean;
    status?: string;
    powerW?: number;
    energyWh?: number;
    currentA?: number;
    soc?: number;
    limitA?: number;
    fault?: string;
    transaction?: ItemTransaction;
}

export interface StationItem {
    id: string;
    csms?: string;
    vendor?: string;
    model?: string;
    link: string;
    linkError?: string;
    registration: string;
    evses: ItemEvse[];
    messagesWaiting: number;
    eventsWaiting: number;
    attention: Attention[];
}

export interface Overview {
    version: string;
    uptimeSeconds: number;
    time: string;
    stations: { total: number; connected: number };
    evses: { total: number; byState: Partial<Record<EvseState, number>> };
    powerW: number;
    attention: Attention[];
}

export interface PowerSeries {
    from: string;
    stepSeconds: number;
    powerW: (number | null)[];
    energyWh?: (number | null)[];
}

export interface LimitItem {
    evse: number;
    limit: number;
    unit: "A" | "W";
    source?: string;
    kind: string; // "device", "chargingProfile", "external", "share", "result"
    purpose?: string;
    stackLevel?: number;
    chargingProfileId?: number;
    until?: string;
    ofStation?: boolean; // it is for all EVSEs of the station together
    takenA?: number; // of the result: what the device made of it
    inForce: boolean;
    why?: string;
}

export interface PointEvent {
    event: "point";
    station: string;
    evse: number;
    point: string;
    at?: string;
    value?: number | string | null;
    unit?: string;
    quality: "good" | "stale" | "bad" | "none";
    raw?: string;
}

export interface SignalsEvent {
    event: "signals";
    station: string;
    evse: number;
    state: EvseState;
    online: boolean;
    locked?: boolean;
    fault?: string;
    measured: Record<string, number>;
}

export interface ChargerEvent {
    event: "charger";
    station: string;
    evse: number;
    offers: Record<string, unknown>;
}

export type Frame = [2, string, string, unknown] | [3, string, unknown] | [4, string, string, string, unknown];

export interface FrameEvent {
    event?: "frame";
    station: string;
    outgoing: boolean;
    frame: Frame;
    time?: string;
}

export interface WriteEvent {
    event?: "write";
    station: string;
    evse: number;
    point: string;
    value?: number | string;
    result: string;
    time?: string;
}

// An event of the ring (GET /events).
export interface FeedEvent<T = unknown> {
    id: number;
    time: string;
    type: string;
    station: string;
    data: T;
}

export interface Problem422 {
    line?: number;
    path?: string;
    text: string;
    file?: string; // another than the one that is edited
}

// GET /stations/{id}: the status as `ocpp-cli --json status` has it, and more. Only what the UI shows by name.
export interface StationStatus {
    id: string;
    registration: string;
    link: string;
    link_error?: string;
    status: string;
    messages_waiting: number;
    events_waiting: number;
    time?: string;
    local_time?: string;
    csms?: string;
    evses: EvseStatus[];
    chargers?: ChargerStatus[];
    network?: unknown;
    firmware?: Record<string, unknown>;
    reservations?: { id: number; evse?: number; expires?: string }[];
    item?: StationItem;
    config?: Record<string, unknown>; // this and its etag: for admins
    etag?: string;
}

export interface EvseStatus {
    id: number;
    status: string;
    connectors: string[];
    device: { state: EvseState; online: boolean; locked?: boolean; lock_failed?: boolean; fault?: string; measured: Record<string, number> };
    transaction?: StatusTransaction;
    display?: { text?: string };
    limit_A?: number;
    limit_by?: string;
}

export interface StatusTransaction {
    id: string;
    chargingState?: string;
    authorized?: boolean;
    energy_Wh?: number;
    started_ms?: number;
    idToken?: { idToken: string; type: string };
}

export interface ChargerStatus {
    profile: string;
    firstEvse: number;
    online: boolean;
    state: string;
    limitA?: number;
    hazard?: string;
}
