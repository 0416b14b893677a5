// The first day, by someone who has never seen the gateway: from the setup token over a CSMS and a charger to a session that is limited and
// stopped, and to why a charger is offline. Nothing is known but what the pages say.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ADMIN, axe, browser, close, dialog, isGone, screenshot, site, stand, until } from "./support.mjs";

let page;
stand({
    words: ["new"],
    hasAdmin: false,
    prepare: async () => {
        page = await browser.page();
    },
});

const step = (name) => page.getByRole("heading", { level: 2, name, exact: true }).waitFor();
const button = (name) => page.getByRole("button", { name, exact: true });
const spare = () => site.show("spare1");
const kept = (name) => screenshot(page, `first-${name}-desktop-light`);

test("an account is made with the token, and the overview says what comes first", async () => {
    await page.goto("/");
    await page.getByLabel("Setup token").fill(site.setupToken);
    await page.getByLabel("User name").fill(ADMIN.user);
    await page.getByLabel("Choose a password").fill(ADMIN.password);
    await page.getByLabel("Password again").fill(ADMIN.password);
    await button("Create administrator and sign in").click();
    await page.getByRole("heading", { name: "Two steps to the first charger" }).waitFor();
    await axe(page, "first steps");
    await kept("1-steps");
});

test("the CSMS is added: what is missing or wrong is said at its field", async () => {
    await button("Add connection").click();
    await dialog(page).getByRole("button", { name: "Add connection" }).click();
    await dialog(page).locator(".field-error").first().waitFor();
    await axe(page, "add a CSMS");
    await dialog(page).getByLabel("Address", { exact: true }).fill(site.csms);
    assert.ok(await dialog(page).getByRole("radio", { name: /^1: password/ }).isChecked(), "ws:// is without TLS");
    await screenshot(page, "first-2-csms-desktop-light", false);
    await dialog(page).getByRole("button", { name: "Add connection" }).click();
    await isGone(dialog(page));
    await page.getByText("Connections: main").waitFor();
    assert.ok((await site.ask("config")).includes(site.csms));
    await kept("3-next");
});

test("the charger is found, tried and saved, and is online", async () => {
    await page.getByRole("main").getByRole("link", { name: "Add a charger" }).click();
    await page.getByLabel("Address", { exact: true }).fill(site.spare);
    await button("Search").click();
    await button("Use: demo-modbus-ac22").click();
    await step("Model");
    await button("Next").click();
    await step("Live test");
    await page.getByText("Its state is read: Available.").waitFor();
    await button("Next").click();
    await step("Identity");
    await page.getByLabel("OCPP identity").fill("CS-FIRST");
    await button("Generate").click();
    await button("Next").click();
    await button("Save and connect").click();
    await page.getByText("CS-FIRST is online.", { exact: true }).first().waitFor();
    assert.equal((await site.ask("heard", "CS-FIRST", "BootNotification")).length, 1);
    await kept("4-online");
    await page.getByRole("link", { name: "Open the charger" }).click();
    await page.getByRole("heading", { level: 1, name: "CS-FIRST" }).waitFor();
});

test("a session is started, limited to 10 A, stopped, and the plug is out", async () => {
    await site.sim("plug spare1 soc=20 capacity=60kWh max=16");
    await page.getByText("Vehicle connected").first().waitFor();
    await button("Start charging").click();
    await dialog(page).getByLabel("Token", { exact: true }).fill("04A1B2C3");
    await dialog(page).getByRole("button", { name: "Start" }).click();
    await until("the device charges", async () => (await spare()).power > 10_000);
    await button("Limit").click();
    await dialog(page).getByLabel("Limit", { exact: true }).fill("10");
    await dialog(page).getByRole("button", { name: "Set limit" }).click();
    await until("the device is limited", async () => (await spare()).currents.every((amps) => amps > 9 && amps <= 10));
    await page.locator("dd", { hasText: /^10\sA$/ }).first().waitFor();
    await kept("5-limited");
    await button("Stop charging").click();
    await dialog(page).getByRole("button", { name: "Stop" }).click();
    await until("the device has stopped", async () => (await spare()).power === 0);
    await page.getByText("No transaction is running.").waitFor();
    await kept("6-stopped");
    await site.sim("unplug spare1");
    await page.getByText("Available", { exact: true }).first().waitFor();
});

test("its network cable is pulled: the overview says so first, and what to do", async () => {
    await site.sim("power spare1 off");
    await page.getByRole("link", { name: "Overview" }).first().click();
    const trouble = page.locator(".trouble", { hasText: "The charger does not answer" });
    await trouble.getByText("What to do").click();
    await trouble.getByText("Is its network or bus cable plugged in").waitFor();
    await axe(page, "a charger that needs someone");
    await kept("7-offline");
    await trouble.getByRole("link", { name: "CS-FIRST" }).click();
    await page.getByText(`The gateway asks it at ${site.spare}`).waitFor();
    await kept("8-why");
    await site.sim("power spare1 on");
    await isGone(page.getByRole("heading", { name: "The charger does not answer" }));
    await close(page);
});
