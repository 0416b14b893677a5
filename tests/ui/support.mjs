// What all tests of the web UI share: a site (site.py), Chromium, and a watch over everything a page says and asks for.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createRequire } from "node:module";
import { after, before } from "node:test";
import { chromium } from "playwright-core";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const WAIT = 20_000; // ms: far beyond what anything takes
export const ADMIN = { user: "ann", password: "a long sentence is best" };
export const DESKTOP = { width: 1360, height: 900 };
export const PHONE = { width: 390, height: 844 };
const SCREENSHOTS = process.env.SCREENSHOTS ?? join(root, "build/ui-screenshots");

// ---- the site ----

class Site {
    // "new": as it is when the gateway was just installed; else with five chargers.
    static async start(...words) {
        const site = new Site();
        site.process = spawn("/usr/bin/python3", [join(here, "site.py"), ...words], { stdio: ["pipe", "pipe", "inherit"] });
        site.lines = createInterface({ input: site.process.stdout })[Symbol.asyncIterator]();
        site.ended = new Promise((resolve) => site.process.on("exit", resolve));
        const told = await site.line();
        assert.ok(!told.error, told.error);
        Object.assign(site, told);
        return site;
    }

    async line() {
        const { value, done } = await this.lines.next();
        assert.ok(!done, "site.py has ended");
        return JSON.parse(value);
    }

    // One after the other, however many wait.
    ask(...words) {
        const answer = (this.last ?? Promise.resolve()).then(async () => {
            this.process.stdin.write(JSON.stringify({ ask: words }) + "\n");
            return this.line();
        });
        this.last = answer.catch(() => undefined);
        return answer.then(({ answer: value, error }) => {
            assert.ok(!error, error);
            return value;
        });
    }

    sim(line) {
        return this.ask("sim", line);
    }

    show(charger) {
        return this.ask("show", charger);
    }

    async stop() {
        this.process.stdin.end();
        assert.equal(await this.ended, 0, "site.py: what the CSMS or the gateway had to say is above");
    }
}

// The value once it is true of it.
export async function until(what, condition) {
    const end = Date.now() + WAIT;
    let last;
    while (Date.now() < end) {
        last = await condition();
        if (last) return last;
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new assert.AssertionError({ message: `${what}: not within ${WAIT / 1000} s` });
}

// ---- the browser ----

class Browser {
    static async start(site) {
        const browser = new Browser();
        browser.site = site;
        // There is no name that resolves, and nothing is there but this machine.
        browser.chromium = await chromium.launch({
            executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
            args: ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.*"],
        });
        return browser;
    }

    // A browser of somebody of their own. `signedIn`: a session that saveSession() gave.
    async context({ language = "en", theme = "light", viewport = DESKTOP, signedIn, hasTouch = false } = {}) {
        const context = await this.chromium.newContext({
            baseURL: this.site.url, ignoreHTTPSErrors: true, viewport, colorScheme: theme, locale: language === "ja" ? "ja-JP" : "en-GB",
            timezoneId: "Asia/Tokyo", reducedMotion: "reduce", hasTouch, storageState: signedIn,
        });
        context.setDefaultTimeout(WAIT);
        context.watch = new Watch(context, this.site.url);
        return context;
    }

    async page(options) {
        const context = await this.context(options);
        const page = await context.newPage();
        page.watch = context.watch;
        return page;
    }

    async stop() {
        await this.chromium.close();
    }
}

// Whatever a page complains of, and whomever else it asks. What a test provokes (a refusal, a broken link) it expects by words of it.
class Watch {
    constructor(context, origin) {
        this.found = [];
        this.expected = [/^Failed to load resource: .* 401 .*\/api\/v1\/session$/]; // who is not signed in yet
        context.on("request", (request) => {
            const url = new URL(request.url());
            if (url.origin !== origin && !["data:", "blob:"].includes(url.protocol)) this.found.push(`asks another host: ${url}`);
        });
        context.on("console", (message) => {
            if (["error", "warning"].includes(message.type())) this.found.push(`${message.text()} ${message.location().url}`);
        });
        context.on("weberror", (error) => this.found.push(String(error.error().stack)));
    }

    expect(...patterns) {
        this.expected.push(...patterns);
    }

    check() {
        assert.deepEqual(this.found.filter((text) => !this.expected.some((pattern) => pattern.test(text))), [], "the page complains");
    }
}

export async function close(page) {
    page.watch.check();
    await page.context().close();
}

// The first administrator, made once for each site; a session of theirs, for further contexts.
async function firstAdmin(browser, site) {
    const context = await browser.context();
    const answer = await context.request.post("/api/v1/setup", { data: { token: site.setupToken, ...ADMIN } });
    assert.equal(answer.status(), 200);
    const state = await context.storageState();
    await context.close();
    return state;
}

// ---- what the tests of a file stand on ----

export let site, browser, signedIn; // signedIn: a session of the first administrator

// They are there before the tests and gone after them. `words`: site.py's; `prepare`: what else comes first.
export function stand({ words = [], hasAdmin = true, prepare } = {}) {
    before(async () => {
        site = await Site.start(...words);
        browser = await Browser.start(site);
        if (hasAdmin) signedIn = await firstAdmin(browser, site);
        await prepare?.();
    });
    after(async () => {
        await browser?.stop();
        await site?.stop();
    });
}

// ---- on a page ----

export async function signIn(page, { user, password } = ADMIN) {
    await page.getByLabel("User name").fill(user);
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
}

// To an address of the UI, by its hash, as a person follows a link.
export async function go(page, path) {
    if (!page.url().startsWith("http")) await page.goto("/#" + path);
    else await page.evaluate((hash) => { location.hash = hash; }, path);
    await page.locator("h1").first().waitFor();
}

// What the API says, as the user of the page.
export async function api(page, path) {
    const answer = await page.request.get("/api/v1" + path);
    assert.equal(answer.status(), 200, path);
    return answer.json();
}

export const dialog = (page) => page.getByRole("dialog");

export async function isGone(locator) {
    await locator.waitFor({ state: "detached" });
}

// ---- looks ----

// `only`: rules; absent: all.
export async function axe(page, where, only) {
    if (!await page.evaluate(() => "axe" in window)) await page.evaluate(axeSource); // by the debugger: the page's own policy allows no inline script
    const violations = await page.evaluate(async (rules) => {
        const result = await window.axe.run(document, { resultTypes: ["violations"], ...(rules ? { runOnly: rules } : {}) });
        return result.violations.map(({ id, help, nodes }) => ({ id, help, nodes: nodes.slice(0, 5).map(({ html, failureSummary }) => html + "\n" + failureSummary) }));
    }, only);
    assert.deepEqual(violations, [], `axe-core: ${where}`);
}

// A page wider than the screen has to be pushed to and fro.
export async function isNarrow(page, where) {
    const { wide, width, widest } = await page.evaluate(() => {
        const width = document.documentElement.clientWidth;
        const out = [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > width + 1);
        return { width, wide: document.documentElement.scrollWidth, widest: out.slice(-3).map((one) => one.outerHTML.slice(0, 200)) };
    });
    assert.ok(wide <= width, `${where} is ${wide} px wide on ${width}: ${widest.join("\n")}`);
}

// Nothing is left in English on a Japanese page, but what the log, frames, files and a profile say of themselves. Names begin with capitals.
export async function isJapanese(page, where) {
    const found = await page.evaluate(() => {
        const words = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        while (walker.nextNode())
            if (!walker.currentNode.parentElement.closest("code, pre, textarea, noscript, .yaml-editor, .entry, .model-names")) words.push(walker.currentNode.textContent);
        for (const name of ["aria-label", "title", "placeholder", "alt"])
            for (const one of document.querySelectorAll(`[${name}]`)) words.push(one.getAttribute(name));
        return words;
    });
    const ofProfiles = /falls to 6 A after 60 s and keeps charging/;
    assert.deepEqual([...new Set(found.filter((text) => /\b[a-z]{2,} [a-z]{2,}\b/.test(text.replace(ofProfiles, ""))))], [], `${where} has English`);
}

// Of the whole page, as on a screen that is high enough (or 4,000 px); `isWhole` false: as it is, of a dialog.
export async function screenshot(page, name, isWhole = true) {
    mkdirSync(SCREENSHOTS, { recursive: true });
    const size = page.viewportSize();
    const height = await page.evaluate(() => document.documentElement.scrollHeight);
    if (isWhole) await page.setViewportSize({ width: size.width, height: Math.min(4000, Math.max(size.height, height)) });
    await page.screenshot({ path: join(SCREENSHOTS, name + ".png") });
    await page.setViewportSize(size);
}
