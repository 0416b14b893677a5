// A CSMS connection as it is typed: what is wrong with it, what is sent, and to which field a problem of the gateway belongs.
import { problemsOf } from "../../admin";
import type { Problem } from "../../api";
import { t } from "../../i18n";

export interface Connection {
    name: string;
    url: string;
    security: string; // "0" to "3"
    caFile: string;
}
export type ConnectionErrors = Partial<Record<keyof Connection, string>>;

export const securities = ["0", "1", "2", "3"] as const;
const NAME = /^[A-Za-z0-9][\w.-]{0,47}$/;
const URL_FORM = /^wss?:\/\/[^\s/?#@]+(\/\S*)?$/i;

const isTls = (url: string): boolean => /^\s*wss:/i.test(url);

// The usual security of an address; undefined: none can be told yet.
export function usualSecurity(url: string): string | undefined {
    if (isTls(url)) return "2";
    return /^\s*ws:/i.test(url) ? "1" : undefined;
}

export function errorsOfConnection(typed: Connection, taken: ReadonlySet<string>): ConnectionErrors {
    const wrong: ConnectionErrors = {};
    const url = typed.url.trim();
    if (!NAME.test(typed.name.trim())) wrong.name = t("csms.wrong.name");
    else if (taken.has(typed.name.trim())) wrong.name = t("csms.wrong.taken");
    if (!URL_FORM.test(url)) wrong.url = t("csms.wrong.url");
    else if (Number(typed.security) >= 2 && !isTls(url)) wrong.security = t("csms.wrong.needsWss");
    else if (typed.security === "1" && isTls(url)) wrong.security = t("csms.wrong.needsWs");
    return wrong;
}

export function entryOf(typed: Connection): Record<string, unknown> {
    const caFile = isTls(typed.url) ? typed.caFile.trim() : "";
    return { name: typed.name.trim(), url: typed.url.trim(), security_profile: Number(typed.security), ...(caFile ? { ca_file: caFile } : {}) };
}

const fields: Record<string, keyof Connection> = { url: "url", security_profile: "security", ca_file: "caFile" };

// Those of "csms.main.url: ..." stand at their fields; undefined: there are others, which the whole answer tells.
export function errorsOfAnswer(problem: Problem): ConnectionErrors | undefined {
    const told = problemsOf(problem);
    const found: ConnectionErrors = {};
    for (const one of told) {
        const word = /(\w+)$/.exec(one.path ?? "")?.[1] ?? "";
        const field = fields[word] ?? fields[/security_profile|ca_file/.exec(one.text)?.[0] ?? ""];
        if (!field || !/^csms\b/.test(one.path ?? "")) return undefined;
        found[field] = one.text;
    }
    return told.length > 0 ? found : undefined;
}
