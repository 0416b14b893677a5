// A station's entry of gateway.yaml as it is edited: what is sent, and where the gateway's problems stand in it.
import { problemsOf } from "../../admin";
import type { Problem } from "../../api";
import { t } from "../../i18n";
import type { Problem422 } from "../../types";
import { lineOf, readYaml, YamlProblem } from "../../yamlRead";

export interface EntryRead {
    entry?: Record<string, unknown>;
    lines: ReadonlyMap<string, number>;
    problems: Problem422[];
}

export function readEntry(text: string): EntryRead {
    try {
        const { value, lines } = readYaml(text);
        if (!value || typeof value !== "object" || Array.isArray(value)) return { lines, problems: [{ line: 1, text: t("entry.noMap") }] };
        return { entry: value as Record<string, unknown>, lines, problems: [] };
    } catch (error) {
        if (error instanceof YamlProblem) return { lines: new Map(), problems: [{ line: error.line, text: error.message }] };
        throw error;
    }
}

// The gateway's lines and paths are of the whole file; these are of the entry.
export function problemsOfEntry(problem: Problem, lines: ReadonlyMap<string, number>): Problem422[] {
    return problemsOf(problem).map((one) => {
        const { path, text } = one;
        if (one.file) return one;
        const own = (path ?? "").replace(/^stations\[\d+\]\.?/, "");
        const line = lineOf(own, lines) ?? (/^stations\[/.test(path ?? "") ? 1 : undefined);
        return { text, ...(own ? { path: own } : {}), ...(line ? { line } : {}) };
    });
}

// Why a station is not removed without being asked again; undefined: for another reason, which asking again does not mend.
export function stakeOf(problem: Problem): "transaction" | "events" | undefined {
    if (problem.status !== 409 || !/force=true/.test(problem.detail)) return undefined;
    return /transaction is running/.test(problem.detail) ? "transaction" : "events";
}
