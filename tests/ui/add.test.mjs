// The wizard, from a charger on the wall to a station that is online, and away again.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ADMIN, api, axe, browser, close, dialog, go, isNarrow, PHONE, screenshot, signedIn, site, stand, until } from "./support.mjs";

stand();

const step = (page, name) => page.getByRole("heading", { level: 2, name, exact: true }).waitFor();
const next = (page) => page.getByRole("button", { name: "Next" }).click();

test("a charger is found, its profile chosen, tried live, saved, and comes online", async () => {
    const page = await browser.page({ signedIn });
    await go(page, "/add");
    await step(page, "Where it is");
    await page.getByRole("button", { name: "Search" }).click();
    await page.getByText("A host name or IP address is needed").waitFor();
    await page.getByLabel("Address", { exact: true }).fill(site.spare);
    await page.getByText("More", { exact: true }).click();
    await page.getByLabel("Unit ids to search").fill("1");
    await axe(page, "wizard: where");
    await screenshot(page, "add-1-where-desktop-light");
    await page.getByRole("button", { name: "Search" }).click();

    await step(page, "Search");
    await page.locator("strong", { hasText: "1 device found" }).waitFor();
    await page.getByText("Unit 1 answers").waitFor();
    await axe(page, "wizard: search");
    await screenshot(page, "add-2-search-desktop-light");
    await page.getByRole("button", { name: "Use: demo-modbus-ac22" }).click();

    await step(page, "Model");
    assert.ok(await page.getByRole("radio", { name: /demo-modbus-ac22/ }).isChecked());
    await axe(page, "wizard: model");
    await screenshot(page, "add-3-model-desktop-light", false);
    await next(page);

    await step(page, "Live test");
    await page.getByText("The charger answers.").first().waitFor();
    await page.getByText("Its state is read: Available.").waitFor();
    const writes = (await site.show("spare1")).writes;
    await site.sim("plug spare1 soc=20");
    await page.getByText("A vehicle was seen.").first().waitFor();
    await page.getByRole("group", { name: "Raw points" }).getByText("temperature").waitFor();
    await axe(page, "wizard: live test");
    await screenshot(page, "add-4-test-desktop-light");
    assert.equal((await site.show("spare1")).writes, writes, "a test writes nothing");
    await next(page);

    await step(page, "Identity");
    await page.getByLabel("OCPP identity").fill("CS-TCP-1");
    await next(page);
    await page.getByText("There is a station of this identity.").waitFor();
    await page.getByLabel("OCPP identity").fill("CS-NEW-1");
    await page.getByRole("button", { name: "Generate" }).click();
    await page.getByLabel("Most current per phase").fill("20");
    assert.equal(await page.locator(".field-error").count(), 0, "what is mended is not complained of");
    await axe(page, "wizard: identity");
    await screenshot(page, "add-5-identity-desktop-light");
    await next(page);

    await step(page, "Review");
    await page.getByText("CS-NEW-1").first().waitFor();
    await axe(page, "wizard: review");
    await screenshot(page, "add-6-review-desktop-light");
    const before = await site.ask("config");
    assert.ok(!before.includes("CS-NEW-1"), "nothing is saved before the end");
    await page.getByRole("button", { name: "Save and connect" }).click();

    await step(page, "Online");
    await page.getByText("CS-NEW-1 is online.").first().waitFor();
    await axe(page, "wizard: done");
    await screenshot(page, "add-7-online-desktop-light");
    assert.ok((await site.ask("config")).includes("CS-NEW-1"));
    assert.equal((await site.ask("heard", "CS-NEW-1", "BootNotification")).length, 1);
    assert.equal((await site.ask("heard", "CS-TCP-1", "BootNotification")).length, 1, "the others go on undisturbed");
    await page.getByRole("link", { name: "Open the charger" }).click();
    await page.getByRole("heading", { level: 1, name: "CS-NEW-1" }).waitFor();
    await page.getByText("Vehicle connected").first().waitFor();
    await close(page);
});

test("its entry is changed on its page, with mistakes told, and taken away again", async () => {
    const page = await browser.page({ signedIn });
    await go(page, "/stations/CS-NEW-1?tab=details");
    await page.getByRole("button", { name: "Edit", exact: false }).first().click();
    const editor = dialog(page).locator("textarea");
    const text = await until("the entry is there", async () => editor.inputValue());
    await axe(page, "the entry of a station");
    await screenshot(page, "station-entry-desktop-light", false);
    page.watch.expect(/422 .*\/stations\/CS-NEW-1\?etag=\w+$/);
    await editor.fill(text.replace(/max_current: 20/, "max_current: -1"));
    await dialog(page).locator("button.button-primary").click();
    await dialog(page).getByText("max_current", { exact: false }).last().waitFor();
    await dialog(page).locator(".editor-problems, [role=alert]").first().waitFor();
    assert.ok((await site.ask("config")).match(/max_current: 20/));
    await editor.fill(text.replace(/max_current: 20/, "max_current: 12"));
    await dialog(page).locator("button.button-primary").click();
    await until("the file has it", async () => /max_current: 12/.test(await site.ask("config")));
    await dialog(page).waitFor({ state: "detached" });
    const { items } = await until("the limit counts", async () => {
        const limits = await api(page, "/stations/CS-NEW-1/limits");
        return limits.items.some(({ kind, limit }) => kind === "result" && limit === 12) && limits;
    });
    assert.ok(items.length > 0);
    await page.getByRole("button", { name: /Remove|Delete/ }).first().click();
    await axe(page, "remove a station");
    page.watch.expect(/404 .*\/stations\/CS-NEW-1(\/limits.*)?$/); // what the page asks just before it goes
    await dialog(page).locator("button.button-danger").click();
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    await until("the file has it no more", async () => !(await site.ask("config")).includes("CS-NEW-1"));
    await close(page);
});

test("an identity that no station has is there before one can type, however late the stations are known", async () => {
    const page = await browser.page({ signedIn });
    let release;
    const released = new Promise((resolve) => { release = resolve; });
    await page.route(/\/api\/v1\/stations(\?|$)/, async (route) => {
        await released;
        await route.continue();
    });
    await go(page, "/add?profile=demo-modbus-ac22");
    await page.getByLabel("Address", { exact: true }).fill(site.spare);
    await page.getByRole("button", { name: "I know the model" }).click();
    await step(page, "Model");
    await next(page);
    await step(page, "Live test");
    await page.getByText("The charger answers.").first().waitFor();
    await next(page);
    const id = page.getByLabel("OCPP identity");
    await step(page, "Identity");
    assert.equal(await id.count(), 0);
    release();
    await id.waitFor();
    assert.equal(await id.inputValue(), "CS-TCP-3");
    await id.fill("");
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByText("1 to 48 of a-z A-Z 0-9 - _ . are needed.").waitFor();
    assert.equal(await id.inputValue(), "", "it does not come back");
    await close(page);
});

test("where nothing answers the wizard says what to look at, also on a phone", async () => {
    const page = await browser.page({ signedIn, viewport: PHONE, hasTouch: true });
    await go(page, "/add");
    await page.getByLabel("Address", { exact: true }).fill("127.0.0.1:1");
    await page.getByRole("button", { name: "Search" }).click();
    await page.getByText("Nothing answered.").waitFor();
    await page.getByText("Is Modbus TCP switched on in it?").waitFor();
    await axe(page, "wizard: nothing found");
    await isNarrow(page, "wizard: nothing found");
    await screenshot(page, "add-nothing-phone-light");
    await close(page);
});

test("an operator may search and try, and is told who can save", async () => {
    const admin = await browser.page({ signedIn });
    await go(admin, "/");
    const { csrf } = await (await admin.request.get("/api/v1/session")).json();
    await admin.request.post("/api/v1/users", { data: { name: "olga", role: "operator", password: ADMIN.password }, headers: { "X-CSRF-Token": csrf } });
    await close(admin);
    const page = await browser.page();
    await page.request.post("/api/v1/session", { data: { user: "olga", password: ADMIN.password } });
    await go(page, "/add");
    await page.getByLabel("Address", { exact: true }).fill(site.spare);
    await page.getByRole("button", { name: "I know the model" }).click();
    await page.getByLabel("Manufacturer or model").fill("demo-modbus-ac22");
    await page.getByRole("radio", { name: /demo-modbus-ac22/ }).check();
    await next(page);
    await page.getByText("The charger answers.").first().waitFor();
    await next(page);
    await page.getByRole("button", { name: "Generate" }).click();
    await next(page);
    await page.getByText("Only administrators can save.").waitFor();
    assert.ok(await page.getByRole("button", { name: "Save and connect" }).isDisabled());
    await close(page);
});
