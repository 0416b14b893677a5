// Tells those who do not see the screen what just happened, through one live region that is there from the start.
import { Store } from "./store";

export const announcement = new Store<{ text: string; turn: number }>({ text: "", turn: 0 });

export function announce(text: string): void {
    announcement.set({ text, turn: announcement.get().turn + 1 });
}
