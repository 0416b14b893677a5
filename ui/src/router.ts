// Pages by the part after '#': "#/stations/CS-0001?tab=ocpp". The daemon serves one file, and a link can be sent to a colleague.
import { Store } from "./store";

export interface Location {
    path: string; // "/stations/CS-0001", still percent-encoded
    query: Record<string, string>;
}

function read(): Location {
    const [path = "", query = ""] = window.location.hash.replace(/^#/, "").split("?", 2);
    return { path: path || "/", query: Object.fromEntries(new URLSearchParams(query)) };
}

export const location = new Store<Location>(read());

// Who is asked before a link, or the way back, leads to another page; resolves to whether it may.
let mayLeave: () => Promise<boolean> | true = () => true;
export function setLeaveHandler(ask: typeof mayLeave): void {
    mayLeave = ask;
}

window.addEventListener("hashchange", () => {
    const before = location.get(), wanted = read();
    const answer = wanted.path === before.path || mayLeave();
    if (answer === true) return location.set(wanted);
    window.history.replaceState(null, "", href(before.path, before.query)); // until it is answered
    void answer.then((yes) => yes && navigate(wanted.path, wanted.query));
});

export function href(path: string, query: Record<string, string | undefined> = {}): string {
    const set = Object.entries(query).filter((entry): entry is [string, string] => !!entry[1]);
    const text = new URLSearchParams(set).toString();
    return "#" + path + (text ? "?" + text : "");
}

export const stationHref = (id: string, query: Record<string, string | undefined> = {}): string =>
    href("/stations/" + encodeURIComponent(id), query);

// Nobody is asked: whoever calls this knows what is lost.
export function navigate(path: string, query: Record<string, string | undefined> = {}): void {
    window.history.pushState(null, "", href(path, query));
    location.set(read());
}

// Changes the query in place: what is chosen on a page is part of its link, but no step of the browser's way back.
export function setQuery(change: Record<string, string | undefined>): void {
    const now = location.get();
    const query = { ...now.query, ...change };
    window.history.replaceState(null, "", href(now.path, query));
    location.set(read());
}

// {id: "CS-0001"} of "/stations/:id" and "/stations/CS-0001"; null: another page.
export function match(pattern: string, path: string): Record<string, string> | null {
    const want = pattern.split("/").filter(Boolean);
    const have = path.split("/").filter(Boolean);
    if (want.length !== have.length) return null;
    const params: Record<string, string> = {};
    for (const [i, part] of want.entries()) {
        const value = have[i] ?? "";
        if (part.startsWith(":")) {
            try {
                params[part.slice(1)] = decodeURIComponent(value);
            } catch {
                return null; // "%zz"
            }
        } else if (part !== value) return null;
    }
    return params;
}
