// All pages. The first that fits the address is drawn; those with a section stand in the navigation, in this order.
import type { ComponentType } from "preact";
import type { IconName } from "../components/Icon";
import type { PlainKey } from "../i18n";
import type { Role } from "../types";
import { Add } from "./add/index";
import { Audit } from "./audit";
import { Connections } from "./csms/index";
import { Log } from "./log";
import { Overview } from "./overview/index";
import { Profiles } from "./profiles/index";
import { Profile } from "./profiles/Profile";
import { Settings } from "./settings";
import { Station } from "./station/index";
import { Transactions } from "./transactions";
import { Users } from "./users/index";

export type Section = "operate" | "setup" | "admin";

export interface PageProps {
    params: Record<string, string>; // {id} of "/stations/:id"
    query: Record<string, string>; // of "?tab=ocpp"; change it by setQuery()
}

export interface PageEntry {
    path: string;
    titleKey: PlainKey;
    role: Role; // who may see it, and all above
    icon?: IconName;
    section?: Section; // absent: not in the navigation
    under?: string; // path of the page that the navigation marks instead
    component: ComponentType<PageProps>;
}

export const pages: readonly PageEntry[] = [
    { path: "/", titleKey: "page.overview", role: "viewer", icon: "overview", section: "operate", component: Overview },
    { path: "/stations/:id", titleKey: "page.station", role: "viewer", under: "/", component: Station },
    { path: "/log", titleKey: "page.log", role: "viewer", icon: "log", section: "operate", component: Log },
    { path: "/transactions", titleKey: "page.transactions", role: "viewer", icon: "transactions", section: "operate", component: Transactions },
    { path: "/add", titleKey: "page.add", role: "operator", icon: "add", section: "setup", component: Add },
    { path: "/profiles", titleKey: "page.profiles", role: "viewer", icon: "profile", section: "setup", component: Profiles },
    { path: "/profiles/:name", titleKey: "page.profile", role: "viewer", under: "/profiles", component: Profile },
    { path: "/csms", titleKey: "page.csms", role: "viewer", icon: "csms", section: "setup", component: Connections },
    { path: "/users", titleKey: "page.users", role: "admin", icon: "users", section: "admin", component: Users },
    { path: "/audit", titleKey: "page.audit", role: "admin", icon: "audit", section: "admin", component: Audit },
    { path: "/settings", titleKey: "page.settings", role: "admin", icon: "settings", section: "admin", component: Settings },
];
