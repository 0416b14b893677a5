// Tabs as ARIA describes them: one stop for Tab, arrows go from tab to tab. Only the chosen panel is drawn.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

export interface Tab {
    id: string;
    label: string;
    content: () => ComponentChildren;
}

export function Tabs({ label, tabs, chosen, onChoose }: { label: string; tabs: readonly Tab[]; chosen: string; onChoose: (id: string) => void }) {
    const base = useId();
    const list = useRef<HTMLDivElement>(null);
    const found = tabs.findIndex((tab) => tab.id === chosen);
    const at = found < 0 ? 0 : found;
    const current = tabs[at];
    useEffect(() => {
        const button = list.current?.querySelector<HTMLElement>("[aria-selected=true]");
        if (button && list.current) list.current.scrollLeft = button.offsetLeft - list.current.offsetLeft - 40; // on a phone not all fit
    }, [at]);
    const go = (index: number): void => {
        const tab = tabs[(index + tabs.length) % tabs.length];
        if (!tab) return;
        onChoose(tab.id);
        list.current?.querySelector<HTMLElement>(`#${CSS.escape(base + tab.id)}`)?.focus();
    };
    const onKeyDown = (event: KeyboardEvent): void => {
        const to: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 };
        const index = to[event.key];
        if (index === undefined) return;
        event.preventDefault();
        go(index);
    };
    if (!current) return null;
    return (
        <div class="tabs">
            <div class="tab-list" role="tablist" aria-label={label} ref={list} onKeyDown={onKeyDown}>
                {tabs.map((tab, i) => (
                    <button key={tab.id} type="button" role="tab" id={base + tab.id} aria-selected={i === at} tabIndex={i === at ? 0 : -1}
                        aria-controls={i === at ? base + "panel" : undefined} onClick={() => go(i)}>
                        {tab.label}
                    </button>
                ))}
            </div>
            <div role="tabpanel" id={base + "panel"} aria-labelledby={base + current.id} tabIndex={0} class="tab-panel">{current.content()}</div>
        </div>
    );
}
