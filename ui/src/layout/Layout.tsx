// What stands around every page: navigation at the side, or on a phone at the bottom; a banner when the gateway does not answer.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { streamState } from "../api";
import { announce } from "../announce";
import { Dialog } from "../components/Dialog";
import { Icon } from "../components/Icon";
import { toastError } from "../components/Toast";
import { chooseLanguage, type Language, languages, t, tOr, useLanguage } from "../i18n";
import { pages, type PageEntry, type Section } from "../pages";
import { href, location } from "../router";
import { logOut, may, session } from "../session";
import { useStore } from "../store";
import { chooseTheme, type ThemeChoice, themeChoice, themeChoices } from "../theme";
import { mayLeave } from "../unsaved";
import { findPage } from "./CurrentPage";
import { PasswordDialog } from "./PasswordDialog";

const sections: readonly Section[] = ["operate", "setup", "admin"];
const BOTTOM = 3; // pages in a phone's bottom bar; the rest is behind "Menu"

export function Layout({ children }: { children: ComponentChildren }) {
    const [open, setOpen] = useState(false);
    const { path } = useStore(location);
    useEffect(() => setOpen(false), [path]);
    const main = useRef<HTMLElement>(null);
    const skip = (event: Event): void => {
        event.preventDefault(); // the hash is the router's
        (main.current?.querySelector<HTMLElement>("h1") ?? main.current)?.focus();
    };
    return (
        <div class="layout">
            <a class="skip" href="#main" onClick={skip}>{t("app.skip")}</a>
            <aside class="sidebar">
                <Brand />
                <Navigation path={path} />
                <Foot />
            </aside>
            <main id="main" ref={main} tabIndex={-1}>
                <Connection />
                {children}
            </main>
            <nav class="bottom-bar" aria-label={t("nav.label")}>
                {allowed().slice(0, BOTTOM).map((page) => <PageLink key={page.path} page={page} path={path} />)}
                <button type="button" aria-haspopup="dialog" onClick={() => setOpen(true)}><Icon name="menu" /><span>{t("nav.menu")}</span></button>
            </nav>
            {open && (
                <Dialog title={t("nav.menu")} class="drawer" onClose={() => setOpen(false)}>
                    <Navigation path={path} />
                    <Foot />
                </Dialog>
            )}
        </div>
    );
}

const allowed = (): PageEntry[] => pages.filter((page) => page.section && may(page.role));

function Brand() {
    return <a class="brand" href={href("/")}><span class="brand-mark"><Icon name="bolt" size={18} /></span>{t("app.name")}</a>;
}

function PageLink({ page, path }: { page: PageEntry; path: string }) {
    const shown = findPage(path)?.entry;
    const isHere = shown?.path === page.path || (shown?.under !== undefined && shown.under === page.path);
    return (
        <a href={href(page.path)} aria-current={isHere ? "page" : undefined}>
            {page.icon && <Icon name={page.icon} />}
            <span>{t(page.titleKey)}</span>
        </a>
    );
}

function Navigation({ path }: { path: string }) {
    return (
        <nav class="navigation" aria-label={t("nav.label")}>
            {sections.map((section) => {
                const there = allowed().filter((page) => page.section === section);
                if (there.length === 0) return null;
                return (
                    <div key={section}>
                        <p class="nav-section" id={"nav-" + section}>{tOr("nav." + section, section)}</p>
                        <ul aria-label={tOr("nav." + section, section)}>
                            {there.map((page) => <li key={page.path}><PageLink page={page} path={path} /></li>)}
                        </ul>
                    </div>
                );
            })}
        </nav>
    );
}

export function Preferences() {
    const language = useLanguage();
    const choice = useStore(themeChoice);
    return (
        <div class="preferences">
            <label>
                <Icon name="language" size={18} />
                <span class="visually-hidden">{t("nav.language")}</span>
                <select value={language} onChange={(event) => chooseLanguage(event.currentTarget.value as Language)}>
                    {Object.entries(languages).map(([code, name]) => <option key={code} value={code} lang={code}>{name}</option>)}
                </select>
            </label>
            <label>
                <Icon name="sun" size={18} />
                <span class="visually-hidden">{t("nav.theme")}</span>
                <select value={choice} onChange={(event) => chooseTheme(event.currentTarget.value as ThemeChoice)}>
                    {themeChoices.map((one) => <option key={one} value={one}>{tOr("theme." + one, one)}</option>)}
                </select>
            </label>
        </div>
    );
}

function Foot() {
    const now = useStore(session);
    const [changes, setChanges] = useState(false);
    if (now.kind !== "in") return null;
    const { user, role, version } = now.session;
    const leave = async (): Promise<void> => {
        if (await mayLeave()) await logOut().catch(toastError);
    };
    return (
        <div class="sidebar-foot">
            <Preferences />
            <p class="muted">{t("nav.signedIn", { user, role: tOr("role." + role, role) })}</p>
            <button type="button" class="link-button" onClick={() => setChanges(true)}>{t("password.change")}</button>
            {changes && <PasswordDialog user={user} onClose={() => setChanges(false)} />}
            <button type="button" class="button" onClick={() => void leave()}><Icon name="signOut" size={18} />{t("nav.signOut")}</button>
            {version && <p class="muted small">{version}</p>}
        </div>
    );
}

const PATIENCE_MS = 2500; // shorter breaks are nobody's business

function Connection() {
    const state = useStore(streamState);
    const [isBroken, setBroken] = useState(false);
    useEffect(() => {
        if (state === "broken") {
            const timer = window.setTimeout(() => setBroken(true), PATIENCE_MS);
            return () => window.clearTimeout(timer);
        }
        if (isBroken && state === "live") announce(t("app.online"));
        if (state === "live" || state === "off") setBroken(false);
        return;
    }, [state]);
    return <div role="status">{isBroken && <p class="banner"><Icon name="warning" />{t("app.offline")}</p>}</div>;
}
