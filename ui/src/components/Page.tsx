// The head of a page. Its heading takes the focus when one comes to the page, so that screen readers begin there.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n";

let isFirst = true; // the browser's own focus is right when the site is opened

export function PageHead({ title, lead, children }: { title: string; lead?: ComponentChildren; children?: ComponentChildren }) {
    const heading = useRef<HTMLHeadingElement>(null);
    useEffect(() => {
        if (!isFirst) heading.current?.focus({ preventScroll: true });
        isFirst = false;
        window.scrollTo(0, 0);
    }, []);
    useEffect(() => {
        document.title = `${title} \u00b7 ${t("app.name")}`;
    }, [title]);
    return (
        <header class="page-head">
            <div>
                <h1 ref={heading} tabIndex={-1}>{title}</h1>
                {lead && <div class="page-lead">{lead}</div>}
            </div>
            {children && <div class="page-actions">{children}</div>}
        </header>
    );
}

export function Card({ title, actions, children, class: more = "" }: { title?: string; actions?: ComponentChildren; children: ComponentChildren; class?: string }) {
    return (
        <section class={`card ${more}`}>
            {(title || actions) && <header class="card-head">{title && <h2>{title}</h2>}{actions && <div class="card-actions">{actions}</div>}</header>}
            {children}
        </section>
    );
}
