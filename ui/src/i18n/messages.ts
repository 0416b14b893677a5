// All words: one file for each area, with both languages beside each other. A key that one language lacks does not compile.
import * as advice from "./advice";
import * as commands from "./commands";
import * as dialogue from "./dialogue";
import * as frame from "./frame";
import * as overview from "./overview";
import * as second from "./second";
import * as station from "./station";
import * as terms from "./terms";

export const en = {
    ...frame.en, ...advice.en, ...commands.en, ...dialogue.en, ...overview.en, ...station.en, ...terms.en, ...second.en,
};
export const ja: Record<keyof typeof en, string> = {
    ...frame.ja, ...advice.ja, ...commands.ja, ...dialogue.ja, ...overview.ja, ...station.ja, ...terms.ja, ...second.ja,
};
