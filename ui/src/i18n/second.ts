// Words of the pages that set up and administer.
import * as add from "./add";
import * as config from "./config";
import * as connections from "./connections";
import * as entry from "./entry";
import * as transactions from "./transactions";
import * as users from "./users";

export const en = { ...add.en, ...config.en, ...connections.en, ...entry.en, ...transactions.en, ...users.en };
export const ja: Record<keyof typeof en, string> = { ...add.ja, ...config.ja, ...connections.ja, ...entry.ja, ...transactions.ja, ...users.ja };
