// What the API tells of the history, of users, of profiles and of the configuration.
import type { PointEvent, Problem422, Role, SignalsEvent } from "./types";
import type { Problem } from "./api";

export interface Transaction {
    station: string;
    id: string;
    evse?: number;
    idToken?: string;
    idTokenType?: string;
    startedAt?: string;
    endedAt?: string;
    updatedAt?: string;
    energyWh?: number;
    energyStartWh?: number;
    energyEndWh?: number;
    durationSeconds?: number;
    stoppedReason?: string;
    chargingState?: string;
    state: "running" | "ended";
}

export interface User {
    name: string;
    role: Role;
    created?: string;
    lastLogin?: string;
}

export interface Token {
    name: string;
    role: Role;
    created?: string;
    lastUsed?: string;
    expires?: string;
}

export interface AuditEntry {
    id: number;
    time: string;
    user: string;
    role: string;
    peer: string;
    action: string;
    target: string;
    before?: unknown;
    after?: unknown;
}

export interface Csms {
    name: string;
    url: string;
    securityProfile: number;
    compression?: boolean;
    stations: number;
    connected: number;
    caFile?: string;
}

export interface Certificate {
    station?: string;
    use: string; // "management", or of a station
    subject?: string;
    organization?: string;
    issuer?: string;
    serial?: string;
    notBefore?: string;
    notAfter?: string;
    selfSigned?: boolean;
    fingerprint?: string;
    configured?: boolean; // of the web server: by gateway.yaml, so it is replaced there
}

export interface Bus {
    name: string;
    settings?: ScanSettings;
}

// ---- profiles ----

export interface OfferedEvse {
    connector?: string;
    phases?: number;
    max_current?: number;
    states?: string[];
    measures?: string[];
    limit?: { min: number; max: number; step: number; unit: string; below_min: string; starts: boolean; switches_phases: boolean } | null;
    start_stop?: boolean;
    id_token?: boolean;
    unlock?: boolean;
    lock_state?: boolean;
    reset?: boolean;
    fault?: boolean;
    fault_code?: boolean;
    display?: boolean;
}

export interface Offers {
    vendor?: string;
    models?: string[];
    protocol?: string;
    transports?: string[];
    kind?: string;
    points?: number;
    evses?: OfferedEvse[];
    hazard?: string;
}

export interface ProfileItem {
    name: string;
    vendor?: string; // this and what follows: not of a file with mistakes
    models?: string[];
    protocol?: string;
    offers?: Offers;
    problems?: Problem422[]; // its mistakes, if there are any
    path?: string;
    writable: boolean;
    usedBy?: string[];
}

export interface ProfileText {
    name: string;
    text: string;
    etag: string;
    path: string;
    writable: boolean;
    offers?: Offers;
}

export interface Checked {
    problems: Problem422[];
}

export interface ConfigText {
    path: string;
    text: string;
    etag: string;
}

export interface ConfigCheck extends Checked {
    diff: string;
    changed: string[];
    added: string[];
    removed: string[];
    restart: string | null;
}

// ---- scans and trials ----

export interface ModbusFound {
    unit: number;
    station?: string; // that has it already
    settings?: ScanSettings;
    profiles: { profile: string; score: number; reason: string; identified: boolean }[];
}

export interface ScanSettings {
    host?: string;
    port?: number;
    framing?: string;
    serial?: string;
    baud?: number;
    parity?: string;
    stop_bits?: number;
    data_bits?: number;
    bus?: string; // of the configuration, that has it
    listen?: string; // of OCPP 1.6
    tls?: boolean;
}

export interface EchonetObject {
    class: string;
    code: number;
    instance: number;
    station?: string; // that has it already
    manufacturer?: string;
    profile?: string;
    properties?: { epc: number; name: string; get: boolean; set: boolean; inf: boolean }[];
}

export interface EchonetFound {
    host: string;
    node_id: string;
    objects: EchonetObject[];
}

export interface Scan {
    id: string;
    state: "running" | "done" | "failed";
    found: (ModbusFound | EchonetFound)[];
    messages: string[];
}

export interface Trial {
    id: string;
    online: boolean;
    items: (PointEvent | SignalsEvent)[];
    offers?: Offers;
    error?: string; // why it is not online
}

// The problems in files that a 422 tells.
export function problemsOf(problem: Problem): Problem422[] {
    const list = problem.more.problems;
    return Array.isArray(list) ? (list as Problem422[]) : [];
}
