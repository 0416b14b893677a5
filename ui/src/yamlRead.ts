// Reads an entry of gateway.yaml as a person has edited it, and tells in which line each value stands. It knows maps, lists, brackets, quotes and comments; what else
// YAML has (anchors, tags, texts of several lines) is refused with its line.
import { t, type PlainKey } from "./i18n";

export class YamlProblem extends Error {
    constructor(readonly line: number, key: PlainKey) {
        super(t(key));
    }
}

export interface YamlRead {
    value: unknown;
    lines: Map<string, number>; // by path: "chargers[0].profile"
}

interface Item {
    line: number;
    indent: number;
    text: string;
}

const KEY = /^("(?:[^"\\]|\\.)*"|'(?:''|[^'])*'|[^\s[\]{},"'#&*!|>%@`?][^[\]{},"'#]*?)\s*:(?:\s+(.*))?$/;
const QUOTED = /^(?:"(?:[^"\\]|\\.)*"|'(?:''|[^'])*')/;
const OTHER = /^[|>&*!%@`?]/;
const MOST_DEPTH = 12;

// '#' begins a comment at the beginning or behind a space, but not within quotes.
function withoutComment(line: string): string {
    let quote = "";
    for (let i = 0; i < line.length; i++) {
        const sign = line[i] ?? "";
        if (quote) {
            if (sign === "\\" && quote === '"') i++;
            else if (sign === quote) quote = "";
        } else if ((sign === '"' || sign === "'") && /^$|[\s[{,:-]/.test(line[i - 1] ?? "")) quote = sign;
        else if (sign === "#" && /^$|\s/.test(line[i - 1] ?? "")) return line.slice(0, i);
    }
    return line;
}

function itemsOf(text: string): Item[] {
    return text.split(/\r?\n/).flatMap((whole, i): Item[] => {
        const line = withoutComment(whole).trimEnd();
        if (line.trim() === "" || (line === "---" && i === 0)) return [];
        const indent = /^ */.exec(line)?.[0].length ?? 0;
        if (line[indent] === "\t") throw new YamlProblem(i + 1, "yaml.tab");
        return [{ line: i + 1, indent, text: line.slice(indent) }];
    });
}

function unquoted(text: string, line: number): string {
    if (text.startsWith("'")) return text.slice(1, -1).replace(/''/g, "'");
    try {
        return JSON.parse(text) as string;
    } catch {
        throw new YamlProblem(line, "yaml.quote");
    }
}

// A text without quotes: numbers only as they are written in the shortest way, so that 007 stays what it is.
function plain(text: string): unknown {
    if (text === "" || text === "~" || text === "null") return null;
    if (text === "true" || text === "false") return text === "true";
    return /^-?\d/.test(text) && String(Number(text)) === text ? Number(text) : text;
}

class Reader {
    private at = 0;
    private rest = ""; // of a value in brackets
    readonly lines = new Map<string, number>();

    constructor(private readonly items: Item[]) {}

    whole(): unknown {
        const first = this.items[0];
        if (!first) return null;
        const value = this.block(first.indent, "", 0);
        const left = this.items[this.at];
        if (left) throw new YamlProblem(left.line, "yaml.indent");
        return value;
    }

    private get line(): number {
        return (this.items[this.at] ?? this.items[this.at - 1] ?? { line: 1 }).line;
    }

    private block(indent: number, path: string, depth: number): unknown {
        if (depth > MOST_DEPTH) throw new YamlProblem(this.line, "yaml.other");
        return /^-(\s|$)/.test(this.items[this.at]?.text ?? "") ? this.list(indent, path, depth) : this.map(indent, path, depth);
    }

    private list(indent: number, path: string, depth: number): unknown[] {
        const found: unknown[] = [];
        for (let item = this.items[this.at]; item && item.indent === indent && /^-(\s|$)/.test(item.text); item = this.items[this.at]) {
            const own = `${path}[${found.length}]`;
            const text = item.text.slice(1).trimStart();
            this.lines.set(own, item.line);
            if (text === "") {
                this.at++;
                found.push(this.below(indent, own, depth));
            } else if (KEY.test(text) || /^-(\s|$)/.test(text)) {
                const inner = { line: item.line, indent: indent + item.text.length - text.length, text };
                this.items[this.at] = inner;
                found.push(this.block(inner.indent, own, depth + 1));
            } else found.push(this.inline(text, own));
        }
        this.checkIndent(indent);
        return found;
    }

    private map(indent: number, path: string, depth: number): Record<string, unknown> {
        const found = new Map<string, unknown>();
        for (let item = this.items[this.at]; item && item.indent === indent && !/^-(\s|$)/.test(item.text); item = this.items[this.at]) {
            const [, written = "", text = ""] = KEY.exec(item.text) ?? [];
            if (!written) throw new YamlProblem(item.line, "yaml.key");
            const key = QUOTED.test(written) ? unquoted(written, item.line) : written;
            const own = path ? `${path}.${key}` : key;
            if (found.has(key)) throw new YamlProblem(item.line, "yaml.twice");
            this.lines.set(own, item.line);
            if (text === "") {
                this.at++;
                const next = this.items[this.at];
                found.set(key, next && next.indent === indent && /^-(\s|$)/.test(next.text) ? this.block(indent, own, depth + 1) : this.below(indent, own, depth));
            } else found.set(key, this.inline(text, own));
        }
        this.checkIndent(indent);
        return Object.fromEntries(found);
    }

    private below(indent: number, path: string, depth: number): unknown {
        const next = this.items[this.at];
        return next && next.indent > indent ? this.block(next.indent, path, depth + 1) : null;
    }

    private checkIndent(indent: number): void {
        const next = this.items[this.at];
        if (next && next.indent > indent) throw new YamlProblem(next.line, "yaml.indent");
    }

    // What stands behind "key:" or "-".
    private inline(text: string, path: string): unknown {
        const { line } = this;
        if (OTHER.test(text)) throw new YamlProblem(line, "yaml.other");
        if (/^["']/.test(text)) {
            if (QUOTED.exec(text)?.[0] !== text) throw new YamlProblem(line, "yaml.quote");
            this.at++;
            return unquoted(text, line);
        }
        if (!/^[[{]/.test(text)) {
            if (/:\s/.test(text)) throw new YamlProblem(line, "yaml.key");
            this.at++;
            return plain(text);
        }
        this.rest = text;
        const value = this.flow(path, 0);
        if (this.rest.trim()) throw new YamlProblem(this.line, "yaml.bracket");
        this.at++;
        return value;
    }

    // The next sign of a value in brackets, which may go on in the next line.
    private next(): string {
        this.rest = this.rest.trimStart();
        while (this.rest === "") {
            const below = this.items[this.at + 1];
            if (!below) throw new YamlProblem(this.line, "yaml.bracket");
            this.at++;
            this.rest = below.text;
        }
        return this.rest[0] ?? "";
    }

    private take(length: number): string {
        const taken = this.rest.slice(0, length);
        this.rest = this.rest.slice(length);
        return taken;
    }

    private flow(path: string, depth: number): unknown {
        const first = this.next();
        if (depth > MOST_DEPTH || OTHER.test(first)) throw new YamlProblem(this.line, "yaml.other");
        if (first === "[") return this.flowList(path, depth);
        if (first === "{") return this.flowMap(path, depth);
        const quoted = QUOTED.exec(this.rest)?.[0];
        if (quoted) return unquoted(this.take(quoted.length), this.line);
        if (/["']/.test(first)) throw new YamlProblem(this.line, "yaml.quote");
        return plain(this.take(/^[^,[\]{}]*/.exec(this.rest)?.[0].length ?? 0).trim());
    }

    private flowList(path: string, depth: number): unknown[] {
        const found: unknown[] = [];
        this.take(1);
        while (this.next() !== "]") {
            this.lines.set(`${path}[${found.length}]`, this.line);
            found.push(this.flow(`${path}[${found.length}]`, depth + 1));
            this.comma("]");
        }
        this.take(1);
        return found;
    }

    private flowMap(path: string, depth: number): Record<string, unknown> {
        const found = new Map<string, unknown>();
        this.take(1);
        while (this.next() !== "}") {
            const written = /^("(?:[^"\\]|\\.)*"|'(?:''|[^'])*'|[^,[\]{}"']+?)\s*:(?=\s|$|[[{"'])/.exec(this.rest);
            if (!written) throw new YamlProblem(this.line, "yaml.key");
            const key = QUOTED.test(written[1] ?? "") ? unquoted(written[1] ?? "", this.line) : (written[1] ?? "");
            const own = `${path}.${key}`;
            if (found.has(key)) throw new YamlProblem(this.line, "yaml.twice");
            this.lines.set(own, this.line);
            this.take(written[0].length);
            found.set(key, /^[,}]$/.test(this.next()) ? null : this.flow(own, depth + 1));
            this.comma("}");
        }
        this.take(1);
        return Object.fromEntries(found);
    }

    private comma(end: string): void {
        if (this.next() === ",") this.take(1);
        else if (this.next() !== end) throw new YamlProblem(this.line, "yaml.bracket");
    }
}

export function readYaml(text: string): YamlRead {
    const reader = new Reader(itemsOf(text));
    return { value: reader.whole(), lines: reader.lines };
}

// The line of "stations[3].chargers[0].max_current", or of the nearest that it is in.
export function lineOf(path: string, lines: ReadonlyMap<string, number>): number | undefined {
    for (let rest = path; rest; rest = rest.replace(/(\.[^.[\]]*|\[\d+\]|^[^.[\]]+)$/, "")) {
        const line = lines.get(rest);
        if (line !== undefined) return line;
    }
    return undefined;
}
