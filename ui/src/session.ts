// Who is signed in, and as what.
import { api, Problem, setCsrf, setUnauthorizedHandler } from "./api";
import { Store, useStore } from "./store";
import type { Role, Session } from "./types";

export type SessionState =
    | { kind: "loading" }
    | { kind: "down" } // the gateway does not answer
    | { kind: "setup" } // no user exists yet
    | { kind: "login"; expired: boolean }
    | { kind: "in"; session: Session };

export const session = new Store<SessionState>({ kind: "loading" });

const ranks: Record<Role, number> = { viewer: 1, operator: 2, admin: 3 };

export function may(role: Role): boolean {
    const now = session.get();
    return now.kind === "in" && (ranks[now.session.role] ?? 0) >= ranks[role];
}

export function useMay(role: Role): boolean {
    useStore(session);
    return may(role);
}

function enter(found: Session): void {
    setCsrf(found.csrf);
    session.set({ kind: "in", session: found });
}

setUnauthorizedHandler(() => {
    if (session.get().kind === "in") session.set({ kind: "login", expired: true });
});

const RETRY_MS = 3000;
export async function loadSession(): Promise<void> {
    try {
        enter(await api.get<Session>("/session"));
    } catch (error) {
        if (error instanceof Problem && error.status === 401)
            session.set(error.more.setup === true ? { kind: "setup" } : { kind: "login", expired: false });
        else {
            session.set({ kind: "down" });
            window.setTimeout(() => void loadSession(), RETRY_MS);
        }
    }
}

// The version is told by GET only.
async function enterAndAsk(found: Session): Promise<void> {
    setCsrf(found.csrf);
    try {
        enter({ ...found, ...(await api.get<Session>("/session")) });
    } catch {
        enter(found);
    }
}

export async function logIn(user: string, password: string): Promise<void> {
    await enterAndAsk(await api.post<Session>("/session", { user, password }));
}

export async function setUp(token: string, user: string, password: string): Promise<void> {
    await enterAndAsk(await api.post<Session>("/setup", { token, user, password }));
}

// The page goes first: what it still reads would be refused.
export async function logOut(): Promise<void> {
    const before = session.get();
    session.set({ kind: "loading" });
    await new Promise((drawn) => window.setTimeout(drawn));
    try {
        await api.delete("/session");
    } catch (error) {
        if (!(error instanceof Problem && error.status === 401)) {
            session.set(before);
            throw error;
        }
    }
    setCsrf("");
    session.set({ kind: "login", expired: false });
}
