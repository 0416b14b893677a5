// The way to the gateway: typed requests with the CSRF header, errors as Problem, and one stream of events.
import { Store } from "./store";
import type { Page } from "./types";

export const API = "/api/v1";

// An answer application/problem+json (RFC 9457), or one of our own: status 0, no answer came.
export class Problem extends Error {
    constructor(
        readonly status: number,
        readonly title: string,
        readonly detail: string,
        readonly more: Record<string, unknown> = {},
        readonly retryAfterSeconds = 0,
    ) {
        super(detail || title);
        this.name = "Problem";
    }
}

export type Query = Record<string, string | number | boolean | undefined | null>;
type Method = "GET" | "POST" | "PUT" | "DELETE";

let csrf = "";
let onUnauthorized: () => void = () => {};
export function setCsrf(token: string): void {
    csrf = token;
}
export function setUnauthorizedHandler(handler: () => void): void {
    onUnauthorized = handler;
}

export function url(path: string, query: Query = {}): string {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query))
        if (value !== undefined && value !== null && value !== "") parameters.set(name, String(value));
    const text = parameters.toString();
    return API + path + (text ? "?" + text : "");
}

// A path from parts that may hold anything: path`/stations/${id}/points`.
export function path(texts: TemplateStringsArray, ...values: (string | number)[]): string {
    return texts.reduce((all, text, i) => all + encodeURIComponent(String(values[i - 1] ?? "")) + text);
}

async function readProblem(response: Response): Promise<Problem> {
    let body: Record<string, unknown> = {};
    try {
        body = (await response.json()) as Record<string, unknown>;
    } catch {
        // no JSON: a proxy's page; the status tells enough
    }
    const { title, detail, ...more } = body;
    const wait = Number(response.headers.get("Retry-After"));
    return new Problem(response.status, typeof title === "string" ? title : response.statusText,
        typeof detail === "string" ? detail : "", more, Number.isFinite(wait) ? wait : 0);
}

async function request<T>(method: Method, target: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    const headers: Record<string, string> = { Accept: "application/json" };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (method !== "GET" && csrf) headers["X-CSRF-Token"] = csrf;
    let response: Response;
    try {
        response = await fetch(target, {
            method, headers, signal: signal ?? null, credentials: "same-origin", cache: "no-store",
            ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
    } catch (error) {
        if (signal?.aborted) throw error;
        throw new Problem(0, "", "");
    }
    if (!response.ok) {
        const problem = await readProblem(response);
        if (response.status === 401 && target !== url("/session")) onUnauthorized();
        throw problem;
    }
    if (response.status === 204) return undefined as T;
    const text = await response.text();
    return (text ? JSON.parse(text) : undefined) as T;
}

const PAGE = 1000; // the most that a list gives at once

// A whole list, page by page.
async function all<T>(target: string, query: Query, signal: AbortSignal): Promise<T[]> {
    const found: T[] = [];
    for (;;) {
        const page = await request<Page<T>>("GET", url(target, { ...query, offset: found.length, limit: PAGE }), undefined, signal);
        found.push(...page.items);
        if (page.items.length === 0 || found.length >= page.total) return found;
    }
}

export const api = {
    get: <T>(target: string, query: Query = {}, signal?: AbortSignal): Promise<T> =>
        request<T>("GET", url(target, query), undefined, signal),
    all,
    post: <T = void>(target: string, body: unknown = {}): Promise<T> => request<T>("POST", url(target), body),
    put: <T = void>(target: string, body: unknown = {}, query: Query = {}): Promise<T> => request<T>("PUT", url(target, query), body),
    delete: <T = void>(target: string, query: Query = {}): Promise<T> => request<T>("DELETE", url(target, query)),
};

// ---- the stream ----

// Whether what is shown is live. "off": no page streams now.
export const streamState = new Store<"off" | "connecting" | "live" | "broken">("off");

export interface StreamFilter {
    types: readonly StreamType[];
    station?: string;
}
export type StreamType = "station" | "signals" | "point" | "frame" | "write" | "log" | "power" | "scan";

export interface StreamEvent {
    id: string;
    type: StreamType;
    data: unknown;
}

const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 15_000;
const HIDDEN_MS = 60_000; // browsers give a host 6 connections only: a hidden page gives up its own

// Follows events until close(). Comes back by itself and goes on where it was. `onGap`: something may be missing, read anew; at the beginning,
// too, for what happened between reading the first time and this.
export class Stream {
    private source: EventSource | null = null;
    private timer = 0;
    private retryMs = FIRST_RETRY_MS;
    private lastId = "";
    private closed = false;

    constructor(
        private readonly filter: StreamFilter,
        private readonly onEvent: (event: StreamEvent) => void,
        private readonly onGap: () => void,
    ) {
        document.addEventListener("visibilitychange", this.onVisibility);
        this.open();
    }

    close(): void {
        this.closed = true;
        document.removeEventListener("visibilitychange", this.onVisibility);
        this.drop();
        streamState.set("off");
    }

    private drop(): void {
        window.clearTimeout(this.timer);
        this.source?.close();
        this.source = null;
    }

    private open(): void {
        this.drop();
        if (streamState.get() !== "broken") streamState.set("connecting");
        const query: Query = { types: this.filter.types.join(","), station: this.filter.station, lastEventId: this.lastId };
        const source = new EventSource(url("/stream", query));
        this.source = source;
        source.onopen = () => {
            this.retryMs = FIRST_RETRY_MS;
            streamState.set("live");
            if (!this.lastId) this.onGap();
        };
        // The browser tries again by itself only after some failures; by our own timer it is the same after all.
        source.onerror = () => {
            this.drop();
            streamState.set("broken");
            this.timer = window.setTimeout(() => this.open(), this.retryMs);
            this.retryMs = Math.min(this.retryMs * 2, LAST_RETRY_MS);
            void api.get("/session").catch((problem: unknown) => {
                if (!this.closed && problem instanceof Problem && problem.status === 401) onUnauthorized();
            });
        };
        for (const type of this.filter.types)
            source.addEventListener(type, (event) => this.receive(type, event as MessageEvent<string>));
        source.addEventListener("lost", (event) => {
            const { lastEventId } = event as MessageEvent<string>;
            if (lastEventId) this.lastId = lastEventId;
            this.onGap();
        });
    }

    private receive(type: StreamType, event: MessageEvent<string>): void {
        if (event.lastEventId) this.lastId = event.lastEventId;
        let data: unknown;
        try {
            data = JSON.parse(event.data);
        } catch {
            return; // cut off on the way; the next one tells more
        }
        this.onEvent({ id: event.lastEventId, type, data });
    }

    private onVisibility = (): void => {
        window.clearTimeout(this.timer);
        if (document.hidden) {
            this.timer = window.setTimeout(() => {
                this.drop();
                streamState.set("off");
            }, HIDDEN_MS);
        } else if (!this.source) this.open();
    };
}
