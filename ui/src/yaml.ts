// YAML for people: the kinds of its parts told apart, and objects written as gateway.yaml is written.
export interface Part {
    text: string;
    kind: "comment" | "key" | "string" | "number" | "word" | "mark" | "plain";
}

const TOKEN = /(#.*$)|("(?:\\.|[^"\\])*"?|'(?:''|[^'])*'?)|([\w.\-/$ ]*[\w.\-/$])(?=\s*:(?:\s|$|,|\}))|([{}[\],]|^\s*-(?=\s|$)|- (?=\S)|: |:$|[|>][+-]?$)|([^\s{}[\],:#"'][^{}[\],#:]*|[#:])/g;
const NUMBER = /^[-+]?(0x[\da-fA-F]+|\d+(\.\d+)?([eE][-+]?\d+)?)(ms|s|min|h)?$/;
const WORD = /^(true|false|yes|no|on|off|null|~)$/;

// Which lines are text of a block scalar ("notes: >-"), by their index.
export function blockLines(lines: readonly string[]): Set<number> {
    const found = new Set<number>();
    const indentOf = (line: string): number => line.length - line.trimStart().length;
    let block = -1; // indentation of its key
    lines.forEach((line, i) => {
        if (block >= 0 && (line.trim() === "" || indentOf(line) > block)) found.add(i);
        else block = /(^|[:\s-]\s)[|>][+-]?\d?\s*(#.*)?$/.test(line) ? indentOf(line) : -1;
    });
    return found;
}

// One line.
export function yamlParts(line: string): Part[] {
    const parts: Part[] = [];
    let at = 0;
    const add = (text: string, kind: Part["kind"]): void => {
        if (text) parts.push({ text, kind });
    };
    for (const found of line.matchAll(TOKEN)) {
        const [all, comment, string, key, mark, plain] = found;
        // '#' begins a comment only behind a space.
        const isComment = comment !== undefined && (found.index === 0 || /\s/.test(line[found.index - 1] ?? ""));
        add(line.slice(at, found.index), "plain");
        if (comment !== undefined) add(all, isComment ? "comment" : "plain");
        else if (string !== undefined) add(all, "string");
        else if (key !== undefined) add(all, "key");
        else if (mark !== undefined) add(all, "mark");
        else {
            const word = (plain ?? "").trim();
            add(all, NUMBER.test(word) ? "number" : WORD.test(word) ? "word" : "plain");
        }
        at = found.index + all.length;
    }
    add(line.slice(at), "plain");
    return parts;
}

const PLAIN = /^[A-Za-z_./][\w./-]*$/;

function scalar(value: unknown): string {
    if (typeof value === "string" && PLAIN.test(value) && !WORD.test(value.toLowerCase())) return value;
    return JSON.stringify(value) ?? "null";
}

function flow(value: unknown): string {
    if (Array.isArray(value)) return value.length ? `[ ${value.map(flow).join(", ")} ]` : "[]";
    if (value && typeof value === "object") {
        const rows = Object.entries(value).map(([key, one]) => `${scalar(key)}: ${flow(one)}`);
        return rows.length ? `{ ${rows.join(", ")} }` : "{}";
    }
    return scalar(value);
}

const WIDTH = 100; // what does not fit into it is not written in brackets

const isMap = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

// Maps in blocks, what is in a list in one line each: as the examples of the manual are.
export function yamlOf(value: Record<string, unknown>, indent = ""): string {
    const item = (one: unknown): string => {
        const line = `${indent}  - ${flow(one)}\n`;
        return line.length > WIDTH && isMap(one) ? yamlOf(one, `${indent}    `).replace(/^ +/, `${indent}  - `) : line;
    };
    return Object.entries(value)
        .map(([key, one]) => {
            const head = `${indent}${scalar(key)}:`;
            const line = `${head} ${flow(one)}\n`;
            if (Array.isArray(one) && one.length > 0) return `${head}\n${one.map(item).join("")}`;
            return line.length > WIDTH && isMap(one) ? `${head}\n${yamlOf(one, indent + "  ")}` : line;
        })
        .join("");
}
