// What the assistant has gathered so far, and the entries of gateway.yaml that it becomes.
import type { Csms, ScanSettings } from "../../admin";
import { t } from "../../i18n";
import { yamlOf } from "../../yaml";

export type Way = "tcp" | "serial" | "echonet" | "ocpp16";
export const ways: readonly Way[] = ["tcp", "serial", "echonet", "ocpp16"];
export const protocolOf: Record<Way, string> = { tcp: "modbus", serial: "modbus", echonet: "echonet", ocpp16: "ocpp16" };

// Texts as they are typed.
export interface Draft {
    way: Way;
    host: string; // of tcp: host or host:port; of echonet: the node's address
    framing: string; // of tcp: "tcp", "rtu", "ascii"
    bus: string; // one that the gateway has; "": a new one
    serial: string;
    busName: string;
    proposedName: string; // busName is that, unless somebody has typed another
    baud: string; // "": tried by a scan, else as the profile says
    parity: string;
    stopBits: string;
    units: string; // to be searched
    networkInterface: string;
    unit: string;
    nodeId: string;
    byNodeId: boolean;
    instance: string;
    identity16: string;
    password16: string;
    listen16: string | undefined; // where chargers will connect; undefined: they can already
    url16: string; // what is set in the charger
    profile: string;
    id: string;
    csms: string;
    password: string;
    certificateFile: string;
    keyFile: string;
    maxCurrent: string;
}

export const emptyDraft: Draft = {
    way: "tcp", host: "", framing: "tcp", bus: "", serial: "/dev/ttyUSB0", busName: "line", proposedName: "line", baud: "", parity: "", stopBits: "", units: "", networkInterface: "",
    unit: "", nodeId: "", byNodeId: true, instance: "1", identity16: "", password16: "", listen16: undefined, url16: "", profile: "", id: "", csms: "", password: "", certificateFile: "", keyFile: "", maxCurrent: "",
};

export type Errors = Partial<Record<keyof Draft, string>>;
export interface StepProps {
    draft: Draft;
    change: (changes: Partial<Draft>) => void;
}

const HOST = /^[A-Za-z0-9.\-_]+(:\d{1,5})?$|^\[[0-9A-Fa-f:.]+(%\w+)?\](:\d{1,5})?$/;
const ADDRESS = /^\d{1,3}(\.\d{1,3}){3}$|^[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*(%[\w.]+)?$/;
const LISTEN = /^(\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]+\]):(\d{1,5})$/;
const UNITS = /^\d{1,3}(-\d{1,3})?(,\d{1,3}(-\d{1,3})?)*$/;
const BUS = /^[A-Za-z0-9][\w.-]{0,47}$/;
const IDENTITY = /^[\w.-]{1,48}$/;

export const narrow = (text: string): string => text.trim().normalize("NFKC"); // "１９２．１６８．１．２０" of a Japanese keyboard
const isWhole = (text: string, min: number, max: number): boolean => /^\d+$/.test(narrow(text)) && Number(narrow(text)) >= min && Number(narrow(text)) <= max;

export function errorsOfPlace(draft: Draft, isSearched: boolean): Errors {
    const wrong: Errors = {};
    if (draft.way === "tcp" && !HOST.test(narrow(draft.host))) wrong.host = t("add.wrong.host");
    if (draft.way === "serial" && !draft.bus) {
        if (!/^\/dev\/\S+$/.test(narrow(draft.serial))) wrong.serial = t("add.wrong.serial");
        if (!BUS.test(narrow(draft.busName))) wrong.busName = t("add.wrong.busName");
        if (draft.baud && !isWhole(draft.baud, 300, 460800)) wrong.baud = t("add.wrong.baud");
    }
    if (isSearched && draft.units && !UNITS.test(narrow(draft.units).replace(/\s/g, ""))) wrong.units = t("add.wrong.units");
    if (draft.way === "echonet" && !isSearched && !draft.nodeId && !ADDRESS.test(narrow(draft.host))) wrong.host = t("add.wrong.address");
    if (draft.way === "ocpp16") {
        if (!IDENTITY.test(narrow(draft.identity16))) wrong.identity16 = t("add.wrong.identity");
        if (draft.password16 && !isPassword(draft.password16)) wrong.password16 = t("add.wrong.password");
        if (draft.listen16 !== undefined && !LISTEN.test(narrow(draft.listen16))) wrong.listen16 = t("add.wrong.listen");
    }
    return wrong;
}

export function errorsOfDevice(draft: Draft): Errors {
    const wrong: Errors = {};
    if (!draft.profile) wrong.profile = t("add.wrong.profile");
    if (draft.unit && !isWhole(draft.unit, 0, 255)) wrong.unit = t("add.wrong.unit");
    if (draft.way === "echonet" && !isWhole(draft.instance, 1, 127)) wrong.instance = t("add.wrong.instance");
    return wrong;
}

const isPassword = (text: string): boolean => /^[\x20-\x7e]{16,40}$/.test(text);

export function errorsOfIdentity(draft: Draft, csms: Csms | undefined, taken: ReadonlySet<string>): Errors {
    const wrong: Errors = {};
    if (!IDENTITY.test(draft.id.trim())) wrong.id = t("add.wrong.identity");
    else if (taken.has(draft.id.trim())) wrong.id = t("add.wrong.taken");
    if (!csms) wrong.csms = t("field.required");
    if (needsPassword(csms) && !isPassword(draft.password)) wrong.password = t("add.wrong.password");
    if (csms?.securityProfile === 3) {
        if (!draft.certificateFile.trim()) wrong.certificateFile = t("field.required");
        if (!draft.keyFile.trim()) wrong.keyFile = t("field.required");
    }
    const amps = Number(narrow(draft.maxCurrent).replace(",", "."));
    if (draft.maxCurrent && !(amps > 0 && amps <= 1000)) wrong.maxCurrent = t("add.wrong.maxCurrent");
    return wrong;
}

export const needsPassword = (csms: Csms | undefined): boolean => csms !== undefined && (csms.securityProfile === 1 || csms.securityProfile === 2);

const LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"; // none that look alike
const PASSWORD_LENGTH = 32;

export function randomPassword(): string {
    let made = "";
    while (made.length < PASSWORD_LENGTH)
        for (const byte of crypto.getRandomValues(new Uint8Array(64)))
            // Bytes beyond the last whole turn are left out, so that each letter is as likely as any other.
            if (made.length < PASSWORD_LENGTH && byte < 256 - (256 % LETTERS.length)) made += LETTERS[byte % LETTERS.length];
    return made;
}

// "CS-0024" where the highest so far is CS-0023.
export function nextId(ids: Iterable<string>): string {
    let best = "", prefix = "CS-", width = 4, highest = 0;
    for (const id of ids) {
        const found = /^(.*?)(\d+)$/.exec(id);
        if (!found || Number(found[2]) <= highest) continue;
        [best, prefix, width, highest] = [id, found[1] ?? "", (found[2] ?? "").length, Number(found[2])];
    }
    return prefix + String(best ? highest + 1 : 1).padStart(width, "0");
}

// "ws://192.168.1.5:8887/CP1": what is set in a charger so that it connects to `listen` of the gateway, which is known as `host`; "": not yet known.
export function centralSystem(listen: string, isTls: boolean, host: string, identity: string): string {
    const [, address, at] = LISTEN.exec(listen) ?? [];
    if (!address) return "";
    return `${isTls ? "wss" : "ws"}://${/^(0\.0\.0\.0|\[::\])$/.test(address) ? host : address}:${at}/${identity}`;
}

// "line-2" where there is a "line".
export function freeName(wanted: string, taken: ReadonlySet<string>): string {
    let name = wanted;
    for (let n = 2; taken.has(name); n++) name = `${wanted}-${n}`;
    return name;
}

const parities: Record<string, string> = { N: "none", E: "even", O: "odd" };

// What a scan says of the way to a device.
export function withSettings(settings: ScanSettings | undefined): Partial<Draft> {
    if (!settings) return {};
    if (settings.bus) return { bus: settings.bus };
    if (settings.serial)
        return {
            framing: settings.framing === "ascii" ? "ascii" : "rtu", baud: settings.baud ? String(settings.baud) : "",
            parity: parities[settings.parity ?? ""] ?? settings.parity ?? "", stopBits: settings.stop_bits ? String(settings.stop_bits) : "",
        };
    return settings.framing ? { framing: settings.framing } : {};
}

export interface Entries {
    charger: Record<string, unknown>;
    // What is new beside the station.
    more: { buses?: Record<string, Record<string, unknown>>; ocpp16?: { listen: string } };
}

const port = (host: string): string => (/:\d+$/.test(host) && !/^[^[]*:.*:/.test(host) ? host : host + ":502");

function newBus(draft: Draft): Record<string, unknown> | undefined {
    if (draft.bus) return undefined;
    if (draft.way === "tcp" && draft.framing !== "tcp") return { tcp: port(narrow(draft.host)), framing: draft.framing };
    if (draft.way !== "serial") return undefined;
    const line = {
        ...(draft.baud ? { baud: Number(narrow(draft.baud)) } : {}), ...(draft.parity ? { parity: draft.parity } : {}),
        ...(draft.stopBits ? { stop_bits: Number(draft.stopBits) } : {}),
    };
    return {
        serial: narrow(draft.serial), ...(Object.keys(line).length ? { line } : {}), ...(draft.framing === "ascii" ? { framing: "ascii" } : {}),
    };
}

export function entriesOf(draft: Draft): Entries {
    const bus = newBus(draft);
    const name = draft.bus || narrow(draft.busName);
    const places: Record<Way, () => Record<string, unknown>> = {
        tcp: () => (bus || draft.bus ? { bus: name } : { tcp: port(narrow(draft.host)) }),
        serial: () => ({ bus: name }),
        echonet: () => ({
            ...(draft.nodeId && draft.byNodeId ? { node_id: draft.nodeId } : { echonet: narrow(draft.host) }),
            ...(narrow(draft.instance) === "1" ? {} : { instance: Number(narrow(draft.instance)) }),
        }),
        ocpp16: () => ({ ocpp16: narrow(draft.identity16), ...(draft.password16 ? { password: draft.password16 } : {}) }),
    };
    const isModbus = protocolOf[draft.way] === "modbus";
    return {
        charger: {
            profile: draft.profile, ...places[draft.way](), ...(isModbus && draft.unit ? { unit: Number(narrow(draft.unit)) } : {}),
            ...(draft.maxCurrent ? { max_current: Number(narrow(draft.maxCurrent).replace(",", ".")) } : {}),
        },
        more: { ...(bus ? { buses: { [name]: bus } } : {}), ...(draft.way === "ocpp16" && draft.listen16 !== undefined ? { ocpp16: { listen: narrow(draft.listen16) } } : {}) },
    };
}

export function stationOf(draft: Draft, csms: Csms | undefined): Record<string, unknown> {
    const isByCertificate = csms?.securityProfile === 3;
    return {
        id: draft.id.trim(), csms: draft.csms, ...(needsPassword(csms) ? { password: draft.password } : {}),
        ...(isByCertificate ? { certificate_file: draft.certificateFile.trim(), key: draft.keyFile.trim() } : {}),
        chargers: [entriesOf(draft).charger],
    };
}

// As it will stand in gateway.yaml, but for the passwords.
export function reviewOf(draft: Draft, csms: Csms | undefined): string {
    const hide = (entry: Record<string, unknown>): Record<string, unknown> => ("password" in entry ? { ...entry, password: "***" } : entry);
    const { charger, more } = entriesOf(draft);
    const station = hide({ ...stationOf(draft, csms), chargers: [hide(charger)] });
    const lines = yamlOf(station, "    ").replace(/^ {4}/, "  - ");
    const sections = Object.entries(more).map(([name, entries]) => `${name}:\n${yamlOf(entries, "  ")}\n`);
    return `${sections.join("")}stations:\n${lines}`;
}

export function placeText(draft: Draft): string {
    if (draft.way === "tcp") return port(narrow(draft.host));
    if (draft.way === "serial") return draft.bus || narrow(draft.serial);
    if (draft.way === "echonet") return narrow(draft.host) || draft.nodeId;
    return narrow(draft.identity16);
}
