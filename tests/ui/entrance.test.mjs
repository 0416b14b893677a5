// Getting in and out: the first administrator, sign in, with nothing but the keyboard, what a role may see.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ADMIN, axe, browser, close, dialog, go, isGone, isNarrow, PHONE, screenshot, signIn, site, stand, until } from "./support.mjs";

stand({ hasAdmin: false });

// What has the focus, by its words.
const focused = (page) => page.evaluate(() => document.activeElement?.textContent?.trim() || document.activeElement?.getAttribute("aria-label") || document.activeElement?.tagName);
const hasFocus = (page, name) => page.evaluate((field) => document.activeElement?.name === field, name);

test("the first administrator is made with the setup token of the log", async () => {
    const page = await browser.page();
    await page.goto("/");
    await page.getByRole("heading", { name: "Set up this gateway" }).waitFor();
    await axe(page, "setup");
    await screenshot(page, "setup-desktop-light");
    const fill = async (token, password, again) => {
        await page.getByLabel("Setup token").fill(token);
        await page.getByLabel("User name").fill(ADMIN.user);
        await page.getByLabel("Choose a password").fill(password);
        await page.getByLabel("Password again").fill(again);
        await page.getByRole("button", { name: "Create administrator and sign in" }).click();
    };
    await fill(site.setupToken, "short", "other");
    await page.getByText("This password has fewer than 10 characters.").waitFor();
    await page.getByText("The two passwords are not the same.").waitFor();
    page.watch.expect(/401 .*\/api\/v1\/setup$/);
    await fill("wrong", ADMIN.password, ADMIN.password);
    await page.getByRole("alert").filter({ hasText: "This is not the setup token." }).waitFor();
    await fill(site.setupToken, ADMIN.password, ADMIN.password);
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    await page.getByText("Signed in as ann (Administrator)").waitFor();
    await close(page);
});

test("a wrong password is refused in words, the right one lets in, and signing out leaves nothing", async () => {
    const page = await browser.page();
    await page.goto("/#/stations/CS-TCP-1?tab=details");
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await axe(page, "sign in");
    await screenshot(page, "sign-in-desktop-light");
    page.watch.expect(/401 .*\/api\/v1\/session$/);
    await page.getByLabel("User name").fill(ADMIN.user);
    await page.getByLabel("Password", { exact: true }).fill("not the password");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").filter({ hasText: "User name or password is wrong." }).waitFor();
    await page.getByLabel("Password", { exact: true }).fill(ADMIN.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { level: 1, name: "CS-TCP-1" }).waitFor(); // the link that one came by
    await page.getByRole("tab", { name: "Details", selected: true }).waitFor();
    assert.equal(await page.evaluate(() => document.cookie), "", "scripts cannot read the session");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await until("the first field has the focus", () => hasFocus(page, "user"));
    assert.equal((await page.request.get("/api/v1/stations")).status(), 401);
    await close(page);
});

test("who signs out while a page is still being read meets no refusal", async () => {
    const page = await browser.page();
    await page.goto("/");
    await signIn(page);
    let letGo;
    const isOut = new Promise((resolve) => { letGo = resolve; });
    const isHeld = new Promise((resolve) => {
        void page.route(/\/api\/v1\/stations\/CS-TCP-1$/, async (route) => {
            resolve();
            await isOut;
            await route.continue();
        });
    });
    await page.route(/\/api\/v1\/session$/, async (route) => { // the session is over, but the page does not know yet
        const answer = await route.fetch();
        letGo();
        await page.evaluate(async () => (await fetch("/healthz")).text()); // what was sent before is answered by now
        await route.fulfill({ response: answer });
    });
    await go(page, "/stations/CS-TCP-1");
    await isHeld;
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    assert.equal(await page.getByText("Your session has ended").count(), 0, "they ended it themselves");
    await close(page);
});

test("by keyboard alone: in, to a charger, through its views, a dialog that keeps the focus and closes by Escape", async () => {
    const page = await browser.page();
    const press = async (...keys) => {
        for (const key of keys) await page.keyboard.press(key);
    };
    // Tab until something is there; on a page there are never so many stops.
    const tabTo = async (locator) => {
        for (let i = 0; i < 80; i++) {
            if (await locator.evaluateAll((found) => found.includes(document.activeElement))) return;
            await press("Tab");
        }
        assert.fail(`Tab does not reach it; the focus is on ${await focused(page)}`);
    };
    await page.goto("/");
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    await until("the first field has the focus", () => hasFocus(page, "user"));
    await page.keyboard.type(ADMIN.user);
    await press("Tab");
    await page.keyboard.type(ADMIN.password);
    await press("Enter");
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();

    await press("Tab");
    await tabTo(page.getByRole("link", { name: "Skip to content" }));
    await press("Enter");
    await until("the link leads to the heading", async () => await focused(page) === "Overview");
    await tabTo(page.locator("a.tile", { hasText: "CS-TCP-2" }));
    await press("Enter");
    await page.getByRole("heading", { level: 1, name: "CS-TCP-2" }).waitFor();
    await until("the focus is at the new page's heading", async () => await focused(page) === "CS-TCP-2");

    await tabTo(page.getByRole("tab", { name: "Now" }));
    for (const name of ["Signals and points", "Limits", "OCPP dialogue", "Details", "Now"]) {
        await press("ArrowRight");
        await page.getByRole("tab", { name, selected: true }).waitFor();
        await until(`the focus is on ${name}`, async () => await focused(page) === name);
    }
    const start = page.getByRole("button", { name: "Start charging" });
    await tabTo(start);
    await press("Enter");
    await dialog(page).waitFor();
    const seen = new Set();
    for (let i = 0; i < 12; i++) {
        // The browser's own bar is the one stop besides (document.body has the focus then).
        assert.ok(await page.evaluate(() => document.activeElement === document.body || document.activeElement?.closest("dialog") !== null), "the dialog keeps the focus");
        seen.add(await focused(page));
        await press("Tab");
    }
    assert.ok(seen.size >= 4, [...seen].join(", "));
    await press("Escape");
    await isGone(dialog(page));
    await until("the focus is back where it was", async () => await focused(page) === "Start charging");
    await close(page);
});

test("each role sees what it may: a viewer has no commands and no administration, an operator commands", async () => {
    const page = await browser.page();
    await page.goto("/");
    await signIn(page);
    const { csrf } = await (await page.request.get("/api/v1/session")).json();
    for (const role of ["viewer", "operator"]) {
        const made = await page.request.post("/api/v1/users", { data: { name: role, role, password: ADMIN.password }, headers: { "X-CSRF-Token": csrf } });
        assert.equal(made.status(), 201);
        const other = await browser.page();
        await other.goto("/");
        await signIn(other, { user: role, password: ADMIN.password });
        const links = await other.getByRole("navigation", { name: "Pages" }).first().getByRole("link").allTextContents();
        assert.deepEqual(links.filter((one) => /Users|Audit|Settings/.test(one)), [], role);
        assert.equal(links.includes("Add a charger"), role === "operator");
        await go(other, "/stations/CS-TCP-2");
        await other.getByRole("heading", { level: 1, name: "CS-TCP-2" }).waitFor();
        await other.getByText("No transaction is running.").waitFor();
        assert.equal(await other.getByRole("button", { name: "Start charging" }).count(), role === "operator" ? 1 : 0);
        await go(other, "/users");
        await other.getByRole("heading", { name: "Not allowed" }).waitFor();
        await close(other);
    }
    await close(page);
});

test("on a phone the pages are behind a menu, with language and appearance", async () => {
    const page = await browser.page({ viewport: PHONE, hasTouch: true });
    await page.goto("/");
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await isNarrow(page, "sign in");
    await screenshot(page, "sign-in-phone-light");
    await signIn(page);
    await page.getByRole("button", { name: "Menu" }).click();
    const menu = dialog(page);
    await menu.waitFor();
    await axe(page, "menu");
    await screenshot(page, "menu-phone-light", false);
    await menu.getByLabel("Language").selectOption("ja");
    await page.getByRole("heading", { level: 1, name: "概要" }).waitFor();
    assert.equal(await page.locator("html").getAttribute("lang"), "ja");
    await menu.getByLabel("外観").selectOption("dark");
    assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
    await menu.getByRole("link", { name: "ログ", exact: true }).click();
    await isGone(menu);
    await page.reload();
    await page.locator("h1", { hasText: "ログ" }).waitFor(); // kept by the browser
    assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
    await close(page);
});

test("the password is changed, and only the new one lets in", async () => {
    const page = await browser.page();
    await page.goto("/");
    await signIn(page, { user: "viewer", password: ADMIN.password });
    await page.getByRole("button", { name: "Change password" }).click();
    const change = dialog(page);
    await change.getByLabel("Password until now").fill("not the password");
    await change.getByLabel("New password").fill("another long sentence");
    await change.getByLabel("Password again").fill("another long sentence");
    page.watch.expect(/422 .*\/api\/v1\/session\/password$/);
    await change.getByRole("button", { name: "Change password" }).click();
    await change.getByText("The password until now is wrong.").waitFor();
    await until("the wrong field has the focus", () => hasFocus(page, "old"));
    await axe(page, "wrong password until now");
    await change.getByLabel("Password until now").fill(ADMIN.password);
    await isGone(change.getByText("The password until now is wrong."));
    await axe(page, "change password");
    await change.getByRole("button", { name: "Change password" }).click();
    await page.getByText("Your password was changed.").waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await signIn(page, { user: "viewer", password: "another long sentence" });
    await close(page);
});
