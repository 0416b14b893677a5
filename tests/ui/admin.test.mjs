// What administrators do: users and tokens, certificates, settings, profiles, and the audit log that tells of it.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { ADMIN, api, axe, browser, close, dialog, go, isGone, screenshot, signedIn, signIn, site, stand, until } from "./support.mjs";

stand();

const open = async (path) => {
    const page = await browser.page({ signedIn });
    await go(page, path);
    return page;
};
const row = (page, text) => page.getByRole("row").filter({ hasText: text });
const editor = (page) => page.locator(".yaml-editor textarea");
const rename = async (page, from, to) => editor(page).fill((await editor(page).inputValue()).replace(from, to));

test("a user is added, may what the role says, gets another one, and is deleted, which ends the session at once", async () => {
    const page = await open("/users");
    await row(page, "ann").getByText("(you)").waitFor();
    await page.getByRole("button", { name: "Add a user" }).click();
    const add = dialog(page);
    await add.getByRole("button", { name: "Add", exact: true }).click();
    await add.locator(".field-error").first().waitFor();
    await add.getByLabel("Name").fill("bob");
    await add.getByLabel("Role").selectOption("operator");
    await add.getByLabel("Password", { exact: true }).fill("short");
    await add.getByText("At least 10 characters.").first().waitFor();
    await add.getByLabel("Password", { exact: true }).fill(ADMIN.password);
    await axe(page, "add a user");
    await screenshot(page, "user-add-desktop-light", false);
    await add.getByRole("button", { name: "Add", exact: true }).click();
    await page.getByText("The user bob was added.").waitFor();
    await row(page, "bob").getByText("Operator").waitFor();

    const bobs = await browser.page();
    await bobs.goto("/");
    await signIn(bobs, { user: "bob", password: ADMIN.password });
    await bobs.getByText("Signed in as bob (Operator)").waitFor();
    await page.getByRole("button", { name: "Change: bob" }).click();
    await dialog(page).getByLabel("Role").selectOption("viewer");
    await dialog(page).getByRole("button", { name: "Save" }).click();
    await row(page, "bob").getByText("Viewer").waitFor();
    assert.equal((await bobs.request.get("/api/v1/session")).status(), 401, "another role ends the sessions");
    bobs.watch.expect(/ 401 /);
    await go(bobs, "/log");
    await bobs.getByText("Your session has ended.").waitFor();
    await bobs.getByLabel("User name").fill("bob");
    await bobs.getByLabel("Password", { exact: true }).fill(ADMIN.password);
    await bobs.getByRole("button", { name: "Sign in" }).click();
    await bobs.getByText("Signed in as bob (Viewer)").waitFor();

    await page.getByRole("button", { name: "Delete: bob" }).click();
    await axe(page, "delete a user");
    await dialog(page).getByRole("button", { name: "Cancel" }).click();
    await row(page, "bob").waitFor();
    await page.getByRole("button", { name: "Delete: bob" }).click();
    await dialog(page).getByRole("button", { name: "Delete" }).click();
    await isGone(row(page, "bob"));
    assert.equal((await bobs.request.get("/api/v1/session")).status(), 401);
    await close(bobs);
    await close(page);
});

test("a token is shown once, works, and works no more when it is deleted", async () => {
    const page = await open("/users");
    await page.getByRole("button", { name: "Create a token" }).click();
    await dialog(page).getByLabel("Name").fill("grafana");
    await axe(page, "create a token");
    await dialog(page).getByRole("button", { name: "Create" }).click();
    const secret = await dialog(page).getByLabel("Token", { exact: true }).textContent();
    await axe(page, "a token that was made");
    await screenshot(page, "token-made-desktop-light", false);
    await dialog(page).getByRole("button", { name: "Close" }).last().click();
    await row(page, "grafana").waitFor();
    assert.ok(!(await page.content()).includes(secret));
    const context = await browser.context();
    const ask = () => context.request.get("/api/v1/overview", { headers: { Authorization: `Bearer ${secret}` } });
    assert.equal((await ask()).status(), 200);
    await page.getByRole("button", { name: "Delete: grafana" }).click();
    await dialog(page).getByRole("button", { name: "Delete" }).click();
    await page.getByText("No tokens.").waitFor();
    assert.equal((await ask()).status(), 401);
    await context.close();
    await close(page);
});

test("settings: a mistake is told at its line, the difference is shown, and what is applied is the file and counts", async () => {
    const page = await open("/settings");
    await until("the file is there", async () => (await editor(page).inputValue()).includes("CS-RTU-1"));
    assert.ok((await page.textContent("main")).includes(site.config));
    await page.getByText("No mistakes.").waitFor();
    assert.ok(await page.getByRole("button", { name: "Apply" }).isDisabled());
    await axe(page, "settings");

    const text = await editor(page).inputValue();
    const line = text.split("\n").findIndex((one) => one.includes("log: {")) + 1;
    await rename(page, "log: { level: debug }", "log: { level: loud }");
    await page.getByText("1 mistake").first().waitFor();
    await page.getByRole("button", { name: `Line ${line}` }).click();
    await page.locator(".yaml-wrong").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.value.slice(document.activeElement.selectionStart, document.activeElement.selectionEnd)), "log: { level: loud }");
    assert.ok(await page.getByRole("button", { name: "Apply" }).isDisabled());
    await axe(page, "settings with a mistake");
    await screenshot(page, "settings-mistake-desktop-light");

    // A mistake in another file is told with that file's name; it is at no line of this one.
    await rename(page, "log: { level: loud }", "log: { level: info }");
    await rename(page, "profile: site-ac22", "profile: broken");
    await page.locator(".editor-problems code", { hasText: "own/broken.yaml:2" }).waitFor();
    await rename(page, "profile: broken", "profile: site-ac22");
    await page.locator(".diff-added", { hasText: "level: info" }).waitFor();
    await page.locator(".diff-removed", { hasText: "level: debug" }).waitFor();
    await page.getByRole("button", { name: "Apply" }).click();
    await axe(page, "apply settings");
    await screenshot(page, "settings-apply-desktop-light", false);
    await dialog(page).getByRole("button", { name: "Apply" }).click();
    await page.getByText("The configuration was applied.").waitFor();
    const written = await site.ask("config");
    assert.ok(written.includes("log: { level: info }"));
    assert.equal(written.replace("level: info", "level: debug"), text, "nothing else was touched");

    // The station that is changed starts anew, the others go on.
    const boots = async (id) => (await site.ask("heard", id, "BootNotification")).length;
    const before = { other: await boots("CS-TCP-1"), changed: await boots("CS-ECHO-1") };
    await rename(page, /- id: CS-ECHO-1\n/, "- id: CS-ECHO-1\n    vendor: Another\n");
    await page.getByText("Start anew").first().waitFor();
    await page.getByText("CS-ECHO-1", { exact: true }).first().waitFor();
    await page.getByRole("button", { name: "Apply" }).click();
    await dialog(page).getByRole("button", { name: "Apply" }).click();
    await until("it starts anew", async () => await boots("CS-ECHO-1") > before.changed);
    assert.equal(await boots("CS-TCP-1"), before.other);
    await close(page);
});

test("settings: who else has changed the file meanwhile is not overwritten unseen", async () => {
    const page = await open("/settings"), other = await open("/settings");
    for (const [one, level] of [[page, "debug"], [other, "warn"]]) {
        await until("the file is there", async () => (await editor(one).inputValue()).includes("CS-RTU-1"));
        await rename(one, /level: \w+ \}/, `level: ${level} }`);
        await one.locator(".diff-added").first().waitFor();
    }
    await other.getByRole("button", { name: "Apply" }).click();
    await dialog(other).getByRole("button", { name: "Apply" }).click();
    await other.getByText("The configuration was applied.").waitFor();
    page.watch.expect(/409 .*\/config$/);
    await page.getByRole("button", { name: "Apply" }).click();
    await dialog(page).getByRole("button", { name: "Apply" }).click();
    await page.getByText("Someone else changed this meanwhile.").waitFor();
    await axe(page, "a conflict");
    await page.getByRole("button", { name: "Take theirs" }).click();
    await until("the other's text", async () => (await editor(page).inputValue()).includes("level: warn }"));
    await close(page);
    await close(other);
});

test("text that is not saved outlives another language, with the focus", async () => {
    const page = await open("/settings");
    await until("the file is there", async () => (await editor(page).inputValue()).includes("CS-RTU-1"));
    await editor(page).fill("# mine");
    await page.getByLabel("Language").focus();
    await page.getByLabel("Language").selectOption("ja");
    await page.getByRole("heading", { level: 1, name: "設定" }).waitFor();
    assert.equal(await editor(page).inputValue(), "# mine");
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "SELECT");
    await close(page);
});

test("text that is not saved is lost by no link, no way back and no signing out, unless one says so", async () => {
    const page = await open("/users");
    await go(page, "/settings");
    await until("the file is there", async () => (await editor(page).inputValue()).includes("CS-RTU-1"));
    await editor(page).fill("# mine");
    await page.getByText("Not saved yet").waitFor();
    const ways = [
        () => page.goBack(),
        () => page.getByRole("link", { name: "Overview", exact: true }).first().click(),
        () => page.getByRole("button", { name: "Sign out" }).click(),
    ];
    for (const leave of ways) {
        await leave();
        await dialog(page).getByText("Discard your changes?").waitFor();
        await dialog(page).getByRole("button", { name: "Cancel" }).click();
        await isGone(dialog(page));
        assert.equal(await editor(page).inputValue(), "# mine");
        assert.match(page.url(), /#\/settings$/);
    }
    await page.getByRole("link", { name: "Overview", exact: true }).first().click();
    await dialog(page).getByRole("button", { name: "Discard the changes" }).click();
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    await go(page, "/users"); // there is nothing left to ask about
    await page.getByRole("heading", { level: 1, name: "Users and tokens" }).waitFor();
    await close(page);
});

test("a profile of the site is checked as one types, with live values beside it, and saved; its station starts anew", async () => {
    const page = await open("/profiles");
    await row(page, "broken").getByText("5 mistakes").waitFor();
    await page.getByLabel("Manufacturer or model").fill("site-ac22");
    await until("one is left", async () => await page.locator("tbody tr").count() === 1);
    await axe(page, "profiles");
    await row(page, "site-ac22").getByRole("link").click();
    await page.getByRole("heading", { level: 1, name: "site-ac22" }).waitFor();
    await page.getByText("Of this site").waitFor();
    await page.getByText("No mistakes.").waitFor();
    const live = page.getByRole("group", { name: "Raw points" });
    await live.getByText("temperature").waitFor();
    await site.sim("ambient own1 37");
    await live.getByRole("row").filter({ hasText: "temperature" }).filter({ hasText: /37/ }).waitFor();
    await axe(page, "profile editor");

    const text = await editor(page).inputValue();
    const wrong = text.split("\n").findIndex((line) => /^vendor:/.test(line)) + 1;
    await editor(page).fill(text.replace(/^vendor:/m, "vendro:"));
    await page.getByRole("button", { name: `Line ${wrong}`, exact: true }).waitFor();
    assert.ok(await page.getByRole("button", { name: "Save" }).isDisabled());
    await screenshot(page, "profile-mistake-desktop-light");
    await axe(page, "profile with a mistake");
    const boots = (await site.ask("heard", "CS-OWN-1", "BootNotification")).length;
    await editor(page).fill(text + "\n# seen by hand\n");
    await page.getByText("No mistakes.").waitFor();
    await page.getByRole("button", { name: "Save" }).click();
    await dialog(page).getByText("CS-OWN-1").waitFor();
    await dialog(page).getByRole("button", { name: "Save" }).click();
    await page.getByText("site-ac22 was saved.").waitFor();
    assert.ok((await api(page, "/profiles/site-ac22")).text.endsWith("# seen by hand\n"));
    await until("its station starts anew", async () => (await site.ask("heard", "CS-OWN-1", "BootNotification")).length > boots);
    await close(page);
});

test("a profile that comes with the gateway is copied under another name; the copy can be deleted", async () => {
    const page = await open("/profiles/demo-modbus-ac22");
    await page.getByText("Comes with the gateway").waitFor();
    assert.ok(!await editor(page).isEditable());
    await page.getByRole("button", { name: "Copy to a new name" }).click();
    await axe(page, "copy a profile");
    await dialog(page).getByLabel("Name of the copy").fill("demo-copy");
    await dialog(page).getByRole("button", { name: "Copy to a new name" }).click();
    await page.getByRole("heading", { level: 1, name: "demo-copy" }).waitFor();
    await page.getByText("No station uses this profile").waitFor();
    assert.ok(await editor(page).isEditable());
    await page.getByRole("button", { name: "Delete" }).click();
    await dialog(page).getByRole("button", { name: "Delete" }).click();
    await page.getByRole("heading", { level: 1, name: "Device profiles" }).waitFor();
    assert.equal((await page.request.get("/api/v1/profiles/demo-copy")).status(), 404);
    await close(page);
});

test("the web server's certificate is replaced, and the next connection has it", async () => {
    const page = await open("/csms");
    await page.getByText(site.csms).waitFor();
    await page.getByText("Self-signed").waitFor();
    const before = (await api(page, "/certificates")).items.find(({ use }) => use === "management");
    await page.getByRole("button", { name: "Replace the web server’s" }).click();
    await dialog(page).getByRole("textbox", { name: "Certificate (PEM)" }).fill("no certificate");
    await dialog(page).getByRole("button", { name: "Save" }).click();
    await dialog(page).getByText("This is no certificate in PEM").waitFor();
    await axe(page, "replace the certificate");
    await screenshot(page, "certificate-replace-desktop-light", false);
    const { cert, key } = await site.ask("certificate");
    await dialog(page).getByRole("textbox", { name: "Certificate (PEM)" }).fill(cert);
    await dialog(page).getByRole("textbox", { name: "Private key (PEM)" }).fill(key);
    await dialog(page).getByRole("button", { name: "Save" }).click();
    await page.getByText("The certificate was replaced.").waitFor();
    await page.getByText("test root").waitFor();
    const after = (await api(page, "/certificates")).items.find(({ use }) => use === "management");
    assert.notEqual(after.fingerprint, before.fingerprint);
    const fresh = await browser.context();
    const seen = await fresh.newPage();
    const answer = await seen.goto("/");
    assert.equal((await answer.securityDetails()).issuer, "test root");
    await fresh.close();
    await close(page);
});

test("the audit log tells which OCPP requests were done and which refused, and nothing of those that only read", async () => {
    const page = await open("/overview");
    const { csrf } = await (await page.request.get("/api/v1/session")).json();
    const request = (action, payload) => page.request.post("/api/v1/stations/CS-TCP-1/requests", { data: { action, payload }, headers: { "X-CSRF-Token": csrf } });
    await request("ChangeAvailability", { operationalStatus: "Operative" });
    await request("Reset", { type: "Gently" });
    await request("GetLocalListVersion", {});
    await go(page, "/audit");
    await page.getByLabel("User, action or target").fill("station.request");
    await row(page, "OCPP request ChangeAvailability: Accepted").waitFor();
    await row(page, "OCPP request Reset: refused (PropertyConstraintViolation)").waitFor();
    await until("two are left", async () => await page.locator("tbody tr").count() === 2);
    await close(page);
});

test("the audit log tells who did all that, with before and after, and no password", async () => {
    const page = await open("/audit");
    await row(page, "Web server’s certificate replaced").waitFor();
    for (const words of ["User added", "User changed", "User deleted", "Token created", "Token deleted", "Configuration changed", "Profile changed", "Profile deleted"])
        await row(page, words).first().waitFor();
    await axe(page, "audit log");
    await page.getByLabel("User, action or target").fill("site-ac22");
    await until("one is left", async () => await page.locator("tbody tr").count() === 1);
    await page.getByRole("button", { name: /^Before and after/ }).first().click();
    await dialog(page).getByText("# seen by hand").waitFor();
    await axe(page, "audit details");
    await screenshot(page, "audit-details-desktop-light", false);
    await page.keyboard.press("Escape");
    assert.ok(!JSON.stringify(await api(page, "/audit?limit=1000")).includes(ADMIN.password));
    await close(page);
});

test("a profile that changed meanwhile on the disk is not overwritten unseen: one takes that, or says that one's own is to be in its place", async () => {
    const page = await open("/profiles/site-ac22"), file = `${site.directory}/own/site-ac22.yaml`;
    const save = async () => {
        await page.getByText("No mistakes.").waitFor();
        await page.getByRole("button", { name: "Save" }).click();
        await dialog(page).getByRole("button", { name: "Save" }).click();
    };
    const conflict = page.getByText("Someone else changed this meanwhile.");
    page.watch.expect(/409 .*\/profiles\/site-ac22$/);
    await until("the file is there", async () => (await editor(page).inputValue()).includes("site-ac22"));
    const text = await editor(page).inputValue();
    await editor(page).fill(text + "# mine\n");
    await writeFile(file, text + "# theirs\n");
    await save();
    await conflict.waitFor();
    assert.ok(await page.getByRole("button", { name: "Save" }).isDisabled(), "not before one has said which");
    assert.equal(await readFile(file, "utf8"), text + "# theirs\n");
    await page.getByRole("button", { name: "Take theirs" }).click();
    assert.equal(await editor(page).inputValue(), text + "# theirs\n");
    await editor(page).fill(text + "# mine again\n");
    await writeFile(file, text + "# theirs again\n");
    await save();
    await conflict.waitFor();
    await page.getByRole("button", { name: "Keep my text" }).click();
    await save();
    await page.getByText("site-ac22 was saved.").waitFor();
    assert.equal(await readFile(file, "utf8"), text + "# mine again\n");
    await close(page);
});

test("two who edit the entry of a station: the later one is told, and keeps one's text or takes the other's", async () => {
    const page = await open("/stations/CS-TCP-1?tab=details"), other = await open("/stations/CS-TCP-1?tab=details");
    const entry = (one) => dialog(one).getByLabel("Edit CS-TCP-1");
    const edit = async (one, vendor) => {
        if (!await dialog(one).count()) await one.getByRole("button", { name: "Edit", exact: true }).click();
        await entry(one).fill((await entry(one).inputValue()).replace(/^vendor:.*\n/m, "") + `vendor: ${vendor}\n`);
    };
    const save = (one) => dialog(one).getByRole("button", { name: "Save" }).click();
    const conflict = dialog(page).getByText("Someone else changed this meanwhile.");
    await edit(page, "Mine");
    await edit(other, "Theirs");
    await save(other);
    await other.getByText("CS-TCP-1 was saved").first().waitFor();
    await conflict.waitFor(); // it hears of it
    assert.ok(await dialog(page).getByRole("button", { name: "Save" }).isDisabled(), "not before one has said which");
    await axe(page, "a conflict of entries");
    await dialog(page).getByRole("button", { name: "Keep my text" }).click();
    await save(page);
    await isGone(dialog(page));
    assert.equal((await api(page, "/stations/CS-TCP-1")).config.vendor, "Mine");
    await close(page);
    await close(other);
});
