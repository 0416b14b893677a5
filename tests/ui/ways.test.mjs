// The wizard by its other ways: a serial line, ECHONET Lite, and a charger that connects by OCPP 1.6.
import assert from "node:assert/strict";
import { test } from "node:test";
import { axe, browser, close, go, isNarrow, PHONE, screenshot, signedIn, site, stand, until } from "./support.mjs";

stand();

const step = (page, name) => page.getByRole("heading", { level: 2, name, exact: true }).waitFor();
const button = (page, name) => page.getByRole("button", { name, exact: true });
const way = (page, name) => page.getByRole("radio", { name }).check();
const boots = async (id) => (await site.ask("heard", id, "BootNotification")).length;

// From "Identity" to "Online".
async function save(page, id) {
    await step(page, "Identity");
    await page.getByLabel("OCPP identity").fill(id);
    await button(page, "Generate").click();
    await button(page, "Next").click();
    await step(page, "Review");
    await button(page, "Save and connect").click();
    await step(page, "Online");
}

// From "Search", where one charger is chosen, to "Online".
async function take(page, choice, id) {
    await step(page, "Search");
    await choice.click();
    await step(page, "Model");
    await button(page, "Next").click();
    await step(page, "Live test");
    await page.getByText("The charger answers.").first().waitFor();
    await button(page, "Next").click();
    await save(page, id);
    await page.getByText(`${id} is online.`).first().waitFor();
}

test("a serial line: its settings are found, and the next charger on it is searched for beside the first", async () => {
    const page = await browser.page({ signedIn });
    const unit = (number) => page.locator(".found", { hasText: `Unit ${number} answers` });
    await go(page, "/add");
    await way(page, "Serial line");
    await page.getByLabel("Line", { exact: true }).waitFor();
    await until("a name that is free", async () => await page.getByLabel("Name of the line").inputValue() === "line-2");
    await page.getByLabel("Name of the line").fill("line");
    await page.getByLabel("Serial port").fill(site.spareLine);
    await page.getByLabel("Parity").selectOption("Even");
    await page.getByLabel("Unit ids to search").fill("7,8");
    await axe(page, "wizard: a serial line");
    await button(page, "Search").click();
    await page.getByText("There is a line of this name.").waitFor();
    await page.getByLabel("Name of the line").fill("garage");
    await button(page, "Search").click();
    await step(page, "Search");
    await button(page, "Back").click();
    await page.getByLabel("Line", { exact: true }).waitFor();
    assert.equal(await page.getByLabel("Name of the line").inputValue(), "garage", "what was typed stays");
    await button(page, "Search").click();
    await unit(8).waitFor();
    assert.match(await unit(7).textContent(), /9600 baud, 8E1/);
    await take(page, unit(7).getByRole("button", { name: "Use: demo-modbus-rtu" }), "CS-LINE-7");

    await button(page, "Add another").click();
    await step(page, "Where it is");
    await until("the line is chosen", async () => await page.getByLabel("Line", { exact: true }).inputValue() === "garage");
    await page.getByLabel("Unit ids to search").fill("7,8");
    await isNarrow(page, "wizard: a line that there is");
    await screenshot(page, "add-line-desktop-light");
    await button(page, "Search").click();
    await unit(7).getByText("Is a station already: CS-LINE-7").waitFor();
    await unit(8).waitFor();
    assert.equal(await unit(8).getByText("Is a station already").count(), 0);
    await take(page, unit(8).getByRole("button", { name: "Use: demo-modbus-rtu" }), "CS-LINE-8");
    const config = await site.ask("config");
    assert.equal(config.split(site.spareLine).length, 2, "the line stands there once");
    assert.match(config, /garage:/);
    assert.equal(await boots("CS-LINE-7"), 1, "the first one went on undisturbed");
    await close(page);
});

test("ECHONET Lite: the nodes of the network with what they can do, and one of them becomes a station", async () => {
    const page = await browser.page({ signedIn, viewport: PHONE, hasTouch: true });
    await go(page, "/add");
    await way(page, "ECHONET Lite");
    await page.getByLabel("Network interface").fill(site.interface);
    await axe(page, "wizard: ECHONET Lite");
    await button(page, "Search").click();
    const node = page.locator(".found", { hasText: site.node });
    await page.locator(".found").getByText("Is a station already: CS-ECHO-1").waitFor();
    assert.equal(await node.getByText("Is a station already").count(), 0);
    await node.getByText("What it can do").click();
    await node.getByText("0xDA").waitFor();
    await axe(page, "wizard: nodes");
    await isNarrow(page, "wizard: nodes");
    await screenshot(page, "add-nodes-phone-light");
    await take(page, node.getByRole("button", { name: /^Use: / }), "CS-NODE-1");
    assert.equal(await boots("CS-NODE-1"), 1);
    await close(page);
});

test("OCPP 1.6: the gateway begins to listen, says what is set in the charger, and that one comes online", async () => {
    const page = await browser.page({ signedIn });
    await go(page, "/add");
    await way(page, "OCPP 1.6");
    await page.getByLabel("Identity of the charger").fill("CP-16");
    await page.getByLabel("Its password").fill("a-password-of-the-charger");
    await page.getByText("Set in the charger as its Central System:").waitFor();
    await page.getByText(`ws://${new URL(site.url).hostname}:8887/CP-16`).waitFor();
    await page.getByLabel("Where this gateway listens").fill("everywhere");
    await button(page, "Next").click();
    await page.getByText("An IP address of this gateway and a port are needed").waitFor();
    await page.getByLabel("Where this gateway listens").fill(site.listen16);
    await axe(page, "wizard: OCPP 1.6");
    await screenshot(page, "add-ocpp16-desktop-light");
    await button(page, "Next").click();
    await step(page, "Model");
    await button(page, "Back").click();
    await step(page, "Where it is");
    await page.getByText(`ws://${site.listen16}/CP-16`).waitFor(); // what was typed stays
    await button(page, "Next").click();
    await page.getByRole("radio", { name: /\bocpp16\b/ }).first().check();
    await button(page, "Next").click();
    await save(page, "CS-16");
    const url = await page.getByRole("main").locator("code", { hasText: "ws://" }).textContent();
    assert.equal(url, `ws://${site.listen16}/CP-16`);
    await screenshot(page, "add-ocpp16-waits-desktop-light");
    await site.ask("charge_point", url, "a-password-of-the-charger");
    await page.getByText("CS-16 is online.").first().waitFor();
    assert.equal(await page.getByText("Set in the charger as its Central System:").count(), 0);

    // It listens now: the next one is not asked for that any more.
    await button(page, "Add another").click();
    await step(page, "Where it is");
    await page.getByLabel("Identity of the charger").fill("CP-17");
    await page.getByText(`ws://${site.listen16}/CP-17`).waitFor();
    assert.equal(await page.getByLabel("Where this gateway listens").count(), 0);
    await close(page);
});
