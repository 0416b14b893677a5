// Why a charger on trial does not answer: from the gateway's words to those of who stands before it.
import { t, tOr } from "../../i18n";
import { protocolOf, type Way } from "./draft";

export interface TrialTrouble {
    title: string;
    mend: string[]; // the likeliest first
}

// The first that fits; each has add.trouble.NAME and add.trouble.NAME.mend.
const kinds: readonly [RegExp, string][] = [
    [/not of this profile/i, "stranger"],
    [/exception/i, "exception"],
    [/connection refused/i, "refused"],
    [/no route|unreachable|host is down/i, "unreachable"],
    [/no such (file|device)/i, "noPort"],
    [/permission denied|operation not permitted/i, "denied"],
    [/resource busy|address already in use/i, "busy"],
];

export function troubleKind(error: string, way: Way): string {
    if (way !== "serial" && /no such (file|device)/i.test(error)) return "name"; // so a name that cannot be resolved is told
    return kinds.find(([words]) => words.test(error))?.[1] ?? "silent";
}

export function trialTrouble(error: string, way: Way): TrialTrouble {
    const kind = troubleKind(error, way);
    const silent = way === "serial" ? t("add.nothing.serial") : protocolOf[way] === "echonet" ? t("add.nothing.echonet") : t("add.silentAdvice");
    const mend = kind === "silent" ? silent : tOr(`add.trouble.${kind}.mend`, silent);
    return { title: tOr("add.trouble." + kind, error), mend: mend.split("\n") };
}
