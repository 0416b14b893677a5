// A text area for YAML with line numbers, colours, and marks at the lines that are wrong. The coloured text lies under the text area's own, which
// is transparent: the browser's editing, undo, search, spelling of screen readers all work as in any text area.
import { Component, type RefObject } from "preact";
import { useEffect, useId, useImperativeHandle, useMemo, useRef } from "preact/hooks";
import { t, tn } from "../i18n";
import type { Problem422 } from "../types";
import { blockLines, yamlParts } from "../yaml";
import { Icon } from "./Icon";

export interface EditorHandle {
    goTo: (line: number) => void;
}

interface Props {
    label: string;
    value: string;
    onChange: (value: string) => void;
    problems?: readonly Problem422[];
    readOnly?: boolean;
    handle?: RefObject<EditorHandle | null>;
}

// Drawn again only when it changed: files of large sites have thousands of lines.
interface LineProps {
    text: string;
    wrong: boolean;
    isText: boolean;
}
class Line extends Component<LineProps> {
    override shouldComponentUpdate(next: Readonly<LineProps>): boolean {
        return next.text !== this.props.text || next.wrong !== this.props.wrong || next.isText !== this.props.isText;
    }

    override render() {
        const { text, wrong, isText } = this.props;
        return (
            <div class={`yaml-line ${wrong ? "yaml-wrong" : ""}`}>
                {isText ? <span>{text}</span> : yamlParts(text).map((part, i) => <span key={i} class={"yaml-" + part.kind}>{part.text}</span>)}
                {"\n"}
            </div>
        );
    }
}

export function YamlEditor({ label, value, onChange, problems = [], readOnly = false, handle }: Props) {
    const id = useId();
    const area = useRef<HTMLTextAreaElement>(null);
    const box = useRef<HTMLDivElement>(null);
    const lines = useMemo(() => value.split("\n"), [value]);
    const blocks = useMemo(() => blockLines(lines), [lines]);
    const wrong = useMemo(() => new Set(problems.filter((problem) => !problem.file).map((problem) => problem.line)), [problems]);
    useImperativeHandle(handle ?? null, () => ({
        goTo: (line) => {
            const element = area.current;
            if (!element || !box.current) return;
            const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
            element.focus({ preventScroll: true });
            element.setSelectionRange(start, start + (lines[line - 1] ?? "").length);
            const height = element.scrollHeight / Math.max(1, lines.length);
            box.current.scrollTop = (line - 1) * height - box.current.clientHeight / 3;
            box.current.scrollLeft = 0;
            box.current.scrollIntoView({ block: "nearest" });
        },
    }), [lines]);
    // The value is set by hand: setting what is there already would throw the cursor to the end.
    useEffect(() => {
        if (area.current && area.current.value !== value) area.current.value = value;
    }, [value]);
    const onKeyDown = (event: KeyboardEvent): void => {
        const element = area.current;
        if (event.key !== "Enter" || event.isComposing || readOnly || !element || event.ctrlKey || event.metaKey) return;
        const before = element.value.slice(0, element.selectionStart);
        const indent = /^ */.exec(before.slice(before.lastIndexOf("\n") + 1))?.[0] ?? "";
        if (!indent) return;
        event.preventDefault();
        document.execCommand("insertText", false, "\n" + indent); // as typed: it can be undone
    };
    return (
        <div class="yaml-editor" ref={box}>
            <pre aria-hidden="true">{lines.map((text, i) => <Line key={i} text={text} wrong={wrong.has(i + 1)} isText={blocks.has(i)} />)}</pre>
            <textarea ref={area} aria-label={label} aria-describedby={id} aria-invalid={problems.length > 0 ? true : undefined} readOnly={readOnly}
                spellcheck={false} autocapitalize="off" autocomplete="off" wrap="off" onKeyDown={onKeyDown} onInput={(event) => onChange(event.currentTarget.value)} />
            <span id={id} class="visually-hidden">{problems.length > 0 && tn("editor.problems", problems.length)}</span>
        </div>
    );
}

// What is wrong, each a way to its line.
function Place({ problem: { file, line }, editor }: { problem: Problem422; editor: RefObject<EditorHandle | null> }) {
    if (file) return <code>{line ? `${file}:${line}` : file}</code>;
    if (!line) return <span class="muted">{t("editor.whole")}</span>;
    return <button type="button" class="link-button" onClick={() => editor.current?.goTo(line)}>{t("editor.line", { n: line })}</button>;
}

export function ProblemList({ problems, editor, checking = false }: { problems: readonly Problem422[] | undefined; editor: RefObject<EditorHandle | null>; checking?: boolean }) {
    const state = checking || !problems ? t("editor.checking") : problems.length === 0 ? t("editor.good") : tn("editor.problems", problems.length);
    const icon = checking || !problems ? "search" : problems.length === 0 ? "ok" : "error";
    return (
        <div class="editor-problems">
            <p role="status" class={icon === "error" ? "text-error" : icon === "ok" ? "text-ok" : "muted"}><Icon name={icon} size={18} /> {state}</p>
            {problems && problems.length > 0 && (
                <ul>
                    {problems.map((problem, i) => (
                        <li key={i}>
                            <Place problem={problem} editor={editor} /> {problem.path && <code>{problem.path}</code>} {problem.text}
                        </li>
                    ))}
                </ul>
            )}
        </div>
    );
}

// A unified diff; the signs stay, so colour is not all that tells.
export function Diff({ text }: { text: string }) {
    const kinds: Record<string, string> = { "+": "diff-added", "-": "diff-removed", "@": "diff-place" };
    const lines = text.replace(/\n$/, "").split("\n").filter((line) => !/^(---|\+\+\+) /.test(line));
    return (
        <pre class="diff" tabIndex={0} aria-label={t("editor.diff")}>
            {lines.map((line, i) => <div key={i} class={kinds[line[0] ?? ""] ?? ""}>{line || " "}</div>)}
        </pre>
    );
}

export function Yaml({ text }: { text: string }) {
    return (
        <pre class="yaml-text" tabIndex={0}>
            {text.replace(/\n$/, "").split("\n").map((line, i) => <div key={i}>{yamlParts(line).map((part, k) => <span key={k} class={"yaml-" + part.kind}>{part.text}</span>)}{"\n"}</div>)}
        </pre>
    );
}
