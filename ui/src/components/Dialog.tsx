// The browser's own <dialog>: it keeps the focus inside, closes by Escape and gives the focus back.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { t } from "../i18n";
import { Store, useStore } from "../store";
import { Icon } from "./Icon";

interface DialogProps {
    title: string;
    onClose: () => void;
    children: ComponentChildren;
    wide?: boolean;
    class?: string;
}

// Is open as long as it is drawn.
export function Dialog({ title, onClose, children, wide = false, class: more = "" }: DialogProps) {
    const dialog = useRef<HTMLDialogElement>(null);
    const heading = useId();
    useEffect(() => {
        const element = dialog.current;
        const before = document.activeElement;
        element?.showModal();
        return () => {
            element?.close();
            if (before instanceof HTMLElement && before.isConnected) before.focus();
        };
    }, []);
    return (
        <dialog ref={dialog} class={`dialog ${wide ? "dialog-wide" : ""} ${more}`} aria-labelledby={heading}
            onCancel={(event) => { event.preventDefault(); onClose(); }}
            onClick={(event) => { if (event.target === dialog.current) onClose(); }}>
            <div class="dialog-box">
                <header class="dialog-head">
                    <h2 id={heading}>{title}</h2>
                    <button type="button" class="icon-button" aria-label={t("action.close")} onClick={onClose}><Icon name="close" /></button>
                </header>
                {children}
            </div>
        </dialog>
    );
}

interface Question {
    title: string;
    text: ComponentChildren; // what will happen, and to whom
    confirm?: string; // the verb on the button
    danger?: boolean;
    answer: (yes: boolean) => void;
}
const question = new Store<Question | null>(null);

// Asks before something that cannot simply be undone: if (await confirm({...})) ...
export function confirm(ask: Omit<Question, "answer">): Promise<boolean> {
    question.get()?.answer(false);
    return new Promise((resolve) => question.set({ ...ask, answer: resolve }));
}

export function ConfirmHost() {
    const asked = useStore(question);
    if (!asked) return null;
    const end = (yes: boolean): void => {
        question.set(null);
        asked.answer(yes);
    };
    return (
        <Dialog title={asked.title} onClose={() => end(false)}>
            <div class="dialog-body">{asked.text}</div>
            <footer class="dialog-foot">
                <button type="button" class="button" onClick={() => end(false)}>{t("action.cancel")}</button>
                <button type="button" class={`button ${asked.danger ? "button-danger" : "button-primary"}`} onClick={() => end(true)}>
                    {asked.confirm ?? t("action.confirm")}
                </button>
            </footer>
        </Dialog>
    );
}
