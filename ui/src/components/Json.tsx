// JSON for people: indented, with the kinds of values told apart.
import { t } from "../i18n";
import { Icon } from "./Icon";
import { toast } from "./Toast";

const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/g;

function* colored(text: string) {
    let at = 0;
    for (const found of text.matchAll(TOKEN)) {
        if (found.index > at) yield text.slice(at, found.index);
        const [all, string, colon, word] = found;
        if (string && colon) {
            yield <span class="json-key">{string}</span>;
            yield colon;
        } else yield <span class={string ? "json-string" : word ? "json-word" : "json-number"}>{all}</span>;
        at = found.index + all.length;
    }
    yield text.slice(at);
}

export async function copyText(text: string): Promise<void> {
    try {
        await navigator.clipboard.writeText(text);
    } catch {
        // Without TLS browsers have no clipboard: the old way.
        const area = document.createElement("textarea");
        area.value = text;
        document.body.append(area);
        area.select();
        document.execCommand("copy");
        area.remove();
    }
    toast(t("action.copied"), "info");
}

export function Json({ value }: { value: unknown }) {
    const text = JSON.stringify(value, null, 2) ?? "";
    return (
        <div class="json">
            <button type="button" class="button button-small json-copy" onClick={() => void copyText(text)}><Icon name="copy" size={15} />{t("action.copy")}</button>
            <pre tabIndex={0}>{[...colored(text)]}</pre>
        </div>
    );
}
