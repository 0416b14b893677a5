// Short messages of what was done. Errors stay until they are dismissed and are announced at once.
import { t } from "../i18n";
import { Store, useStore } from "../store";
import { asProblem } from "../hooks";
import { Icon } from "./Icon";
import { problemText } from "./State";

interface Message {
    id: number;
    tone: "ok" | "error" | "info";
    text: string;
}

const SHOWN_MS = 6000;
const MOST = 4;
const messages = new Store<readonly Message[]>([]);
let last = 0;

export function toast(text: string, tone: Message["tone"] = "ok"): void {
    const id = ++last;
    messages.set([...messages.get(), { id, tone, text }].slice(-MOST));
    if (tone !== "error") window.setTimeout(() => dismiss(id), SHOWN_MS);
}

export function toastError(error: unknown): void {
    toast(problemText(asProblem(error)), "error");
}

function dismiss(id: number): void {
    messages.set(messages.get().filter((message) => message.id !== id));
}

export function Toasts() {
    const shown = useStore(messages);
    return (
        <div class="toasts">
            {(["status", "alert"] as const).map((role) => (
                <div key={role} role={role}>
                    {shown.filter((message) => (message.tone === "error") === (role === "alert")).map((message) => (
                        <div key={message.id} class={`toast toast-${message.tone}`}>
                            <Icon name={message.tone} />
                            <span>{message.text}</span>
                            <button type="button" class="icon-button" aria-label={t("toast.dismiss")} onClick={() => dismiss(message.id)}>
                                <Icon name="close" size={16} />
                            </button>
                        </div>
                    ))}
                </div>
            ))}
        </div>
    );
}
