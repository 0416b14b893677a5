// Light or dark: as the system, until a person chooses. The colours themselves are in styles/theme.css.
import { keep, kept, Store } from "./store";

export type ThemeChoice = "system" | "light" | "dark";
export const themeChoices: readonly ThemeChoice[] = ["system", "light", "dark"];

const systemDark = window.matchMedia("(prefers-color-scheme: dark)");
const stored = kept("theme");

export const themeChoice = new Store<ThemeChoice>(stored === "light" || stored === "dark" ? stored : "system");
export const theme = new Store<"light" | "dark">("light"); // what is shown

function apply(): void {
    const choice = themeChoice.get();
    const shown = choice === "system" ? (systemDark.matches ? "dark" : "light") : choice;
    document.documentElement.dataset.theme = shown;
    theme.set(shown);
}

export function chooseTheme(choice: ThemeChoice): void {
    keep("theme", choice === "system" ? null : choice);
    themeChoice.set(choice);
    apply();
}

systemDark.addEventListener("change", apply);
apply();
