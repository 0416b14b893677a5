// What stands where there is nothing to show: still loading, empty, or gone wrong, each with what to do about it.
import type { ComponentChildren } from "preact";
import type { Problem } from "../api";
import type { Resource } from "../hooks";
import { t } from "../i18n";
import { Icon, type IconName } from "./Icon";

export function Empty({ icon = "info", title, children }: { icon?: IconName; title: string; children?: ComponentChildren }) {
    return (
        <div class="state-box">
            <Icon name={icon} size={32} />
            <p class="state-title">{title}</p>
            {children}
        </div>
    );
}

export function Loading() {
    return <div class="state-box" role="status"><span class="spinner" aria-hidden="true" />{t("app.loading")}</div>;
}

export function problemText(problem: Problem): string {
    if (problem.status === 0) return problem.detail || t("error.network");
    if (problem.detail) return problem.detail;
    if (problem.status === 403) return t("error.forbidden");
    return problem.title || t("error.status", { status: problem.status });
}

export function ErrorBox({ problem, onRetry }: { problem: Problem; onRetry?: () => void }) {
    return (
        <div class="notice notice-error" role="alert">
            <Icon name="error" />
            <div>
                <strong>{t("error.title")}</strong>
                <p>{problemText(problem)}</p>
                {onRetry && <button type="button" class="button" onClick={onRetry}>{t("action.retry")}</button>}
            </div>
        </div>
    );
}

// The usual way of a page with one resource: error, loading, or what `children` makes of the answer.
export function Loaded<T>({ from, children }: { from: Resource<T>; children: (data: T) => ComponentChildren }) {
    return (
        <>
            {from.problem && <ErrorBox problem={from.problem} onRetry={from.reload} />}
            {from.data !== undefined ? children(from.data) : !from.problem && <Loading />}
        </>
    );
}

export function Notice({ tone, title, children }: { tone: "info" | "warning" | "error" | "ok"; title?: string; children?: ComponentChildren }) {
    return (
        <div class={`notice notice-${tone}`}>
            <Icon name={tone} />
            <div>
                {title && <strong>{title}</strong>}
                {children}
            </div>
        </div>
    );
}
