// The words of the UI, in the chosen language. Keys and the places in them ({name}) are checked by the compiler.
import { keep, kept, Store, useStore } from "../store";
import { en, ja } from "./messages";

export type Language = "en" | "ja";
export const languages: Record<Language, string> = { en: "English", ja: "日本語" };

export type Messages = typeof en;
export type Key = keyof Messages;
type Places<Text> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | Places<Rest> : never;
export type PlainKey = { [K in Key]: [Places<Messages[K]>] extends [never] ? K : never }[Key]; // without places
type Args<K extends Key> = [Places<Messages[K]>] extends [never] ? [] : [Record<Places<Messages[K]>, string | number>];

const tables: Record<Language, Record<Key, string>> = { en, ja };

function first(): Language {
    const stored = kept("language");
    if (stored === "en" || stored === "ja") return stored;
    return navigator.language.toLowerCase().startsWith("ja") ? "ja" : "en";
}

export const language = new Store<Language>(first());
document.documentElement.lang = language.get();

export function chooseLanguage(chosen: Language): void {
    keep("language", chosen);
    document.documentElement.lang = chosen;
    language.set(chosen);
}

export const useLanguage = (): Language => useStore(language);

export function t<K extends Key>(key: K, ...args: Args<K>): string {
    const values = args[0] as Record<string, string | number> | undefined;
    const text: string = tables[language.get()][key];
    return values ? text.replace(/\{(\w+)\}/g, (all, name: string) => String(values[name] ?? all)) : text;
}

// What comes from the gateway may be newer than these tables: then its own word is shown.
export function tOr(key: string, fallback: string): string {
    const table: Record<string, string> = tables[language.get()];
    return table[key] ?? fallback;
}

// "1 charger", "2 chargers": keys NAME.one and NAME.other, both with {n}.
type Counted = { [K in Key]: K extends `${infer Base}.one` ? Base : never }[Key];
export function tn(base: Counted, n: number): string {
    const form = new Intl.PluralRules(language.get()).select(n) === "one" ? ".one" : ".other";
    const shown = new Intl.NumberFormat(language.get()).format(n);
    return tOr(base + form, "{n}").replace("{n}", shown);
}
