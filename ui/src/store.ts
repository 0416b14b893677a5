// A value that components follow: the few things all pages share (session, language, theme, toasts).
import { useEffect, useReducer } from "preact/hooks";

export class Store<T> {
    private followers = new Set<() => void>();

    constructor(private value: T) {}

    get(): T {
        return this.value;
    }

    set(value: T): void {
        if (Object.is(value, this.value)) return;
        this.value = value;
        for (const follow of [...this.followers]) follow();
    }

    follow(follower: () => void): () => void {
        this.followers.add(follower);
        return () => this.followers.delete(follower);
    }
}

export function useStore<T>(store: Store<T>): T {
    const [, redraw] = useReducer((n: number) => n + 1, 0);
    useEffect(() => store.follow(() => redraw(0)), [store]);
    return store.get();
}

// What the browser keeps of a person's choices. Private windows and full disks refuse: then a choice lasts as long as the page.
export function keep(name: string, value: string | null): void {
    try {
        if (value === null) localStorage.removeItem("ocpp-gateway." + name);
        else localStorage.setItem("ocpp-gateway." + name, value);
    } catch {
        // as said above
    }
}

export function kept(name: string): string | null {
    try {
        return localStorage.getItem("ocpp-gateway." + name);
    } catch {
        return null;
    }
}
