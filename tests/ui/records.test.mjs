// What was: transactions, the log with its frames, power over time.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { ADMIN, api, axe, browser, close, go, isGone, screenshot, signedIn, site, stand, until } from "./support.mjs";

const CARDS = { tcp1: "04A1B2C3D4E5F6", tcp2: "04112233" }; // what stands in front of the device
stand({
    prepare: async () => {
        for (const [name, card] of Object.entries(CARDS)) {
            await site.sim(`plug ${name} soc=20 capacity=60kWh max=16`);
            await site.sim(`tap ${name} ${card}`);
        }
        for (const name of Object.keys(CARDS)) await until(`${name} charges`, async () => (await site.show(name)).energy > 30);
        await site.sim("unplug tcp1");
        await until("one has ended", async () => (await site.ask("heard", "CS-TCP-1", "TransactionEvent")).some(({ eventType }) => eventType === "Ended"));
    },
});

const open = async (path) => {
    const page = await browser.page({ signedIn });
    await go(page, path);
    return page;
};
const rows = (page) => page.locator("tbody tr");

test("the overview counts, sums up and follows what happens", async () => {
    const page = await open("/");
    const figure = (name) => page.locator(".figures > div", { hasText: name }).locator("dd");
    await figure("Charging").filter({ hasText: "1 of 5" }).waitFor();
    await figure("Connected to the CSMS").filter({ hasText: "5 of 5" }).waitFor();
    await until("the power is the device's", async () => {
        const shown = Number(/[\d.]+/.exec(await figure("Power now").textContent())[0]);
        return Math.abs(shown - (await site.show("tcp2")).power / 1000) <= 0.06;
    });
    await page.getByText("Everything is in order.").waitFor();
    const tile = page.locator("a.tile", { hasText: "CS-TCP-2" });
    await tile.getByText("Charging").waitFor();
    await page.getByRole("button", { name: /^Charging/ }).click();
    await until("only who charges is left", async () => await page.locator("a.tile").count() === 1);
    await page.getByRole("button", { name: /^All/ }).click();
    await page.getByLabel("Search chargers").fill("echo");
    await until("only who was searched is left", async () => (await page.locator("a.tile strong").allTextContents()).join() === "CS-ECHO-1");
    await page.getByLabel("Search chargers").fill("");
    // The plot has what the API has, and says it in words.
    await until("a whole step of the plot, 10 s, was charged in", async () => (await api(page, "/power?seconds=900")).powerW.some((watts) => watts > 10_000));
    await page.getByRole("radio", { name: "15 min" }).check();
    await page.locator(".u-legend, .plot").first().waitFor();
    await tile.click();
    await page.getByRole("heading", { level: 1, name: "CS-TCP-2" }).waitFor();
    await close(page);
});

test("transactions are searched and filtered, and the CSV has just those", async () => {
    const page = await open("/transactions");
    await until("both are there", async () => await rows(page).count() === 2);
    const { items } = await api(page, "/transactions");
    for (const { id, station } of items) await rows(page).filter({ hasText: station }).filter({ hasText: id.slice(0, 8) }).waitFor();
    const ended = rows(page).filter({ hasText: "CS-TCP-1" });
    await ended.getByText(`..${CARDS.tcp1.slice(-4)}`).waitFor(); // no more of it is kept
    await ended.getByText("Vehicle unplugged").waitFor();
    const mine = items.find(({ station }) => station === "CS-TCP-1");
    const [last] = (await site.ask("heard", "CS-TCP-1", "TransactionEvent")).filter(({ eventType }) => eventType === "Ended");
    assert.equal(mine.id, last.transactionInfo.transactionId);
    assert.ok(Math.abs(mine.energyWh - (await site.show("tcp1")).energy) < 2, `${mine.energyWh} Wh`);
    await axe(page, "transactions");
    await screenshot(page, "transactions-desktop-light");

    await page.getByLabel("State").selectOption("running");
    await isGone(ended);
    await page.getByLabel("State").selectOption("");
    await ended.waitFor();
    await page.getByLabel("Transaction, token or reason").fill(CARDS.tcp1.slice(-4));
    await until("the token's only", async () => await rows(page).count() === 1);
    const download = page.waitForEvent("download");
    await page.getByRole("link", { name: "Download as CSV" }).click();
    const csv = (await readFile(await (await download).path(), "utf8")).trim().split(/\r?\n/);
    assert.equal(csv.length, 2, csv.join("\n"));
    assert.ok(csv[1].includes(mine.id) && csv[1].includes(CARDS.tcp1.slice(-4)), csv[1]);
    await page.getByLabel("Transaction, token or reason").fill(CARDS.tcp2); // the whole token, as it stands on the card
    await rows(page).filter({ hasText: CARDS.tcp2.slice(-4) }).waitFor();
    assert.equal(await rows(page).count(), 1);
    await page.getByLabel("Transaction, token or reason").fill("nothing like this");
    await page.getByText("Nothing found").or(page.getByText("Nothing fits")).first().waitFor();
    await page.getByLabel("Transaction, token or reason").fill("");
    await page.getByLabel("Started from").fill("2099-01-01T00:00");
    await until("none is of the future", async () => await rows(page).count() === 0);
    await close(page);
});

// The API gives 1,000 items at once; a site may have 10,000 stations.
test("lists that are longer than a page of the API are there to their end", async () => {
    const page = await open("/");
    const serve = (path, of) => page.route(`**/api/v1${path}?*`, async (route) => {
        const query = new URL(route.request().url()).searchParams, offset = Number(query.get("offset") ?? 0), limit = Number(query.get("limit"));
        const items = Array.from({ length: 1234 }, (_, i) => of(i)).slice(offset, offset + limit);
        await route.fulfill({ json: { items, total: 1234, offset, limit } });
    });
    const { items: [station] } = await api(page, "/stations");
    await serve("/stations", (i) => ({ ...station, id: `LONG-${i}` }));
    await serve("/certificates", (i) => ({ station: `LONG-${i}`, use: "station", serial: String(i), subject: `number ${i}` }));
    for (const path of ["/transactions", "/log"]) {
        await go(page, path);
        await page.getByLabel("Station").locator("option", { hasText: /^LONG-1233$/ }).waitFor({ state: "attached" });
    }
    await go(page, "/csms");
    await page.locator(".pager", { hasText: "1,234" }).waitFor(); // of the certificates
    await close(page);
});

test("the log follows what happens; level, kind, station and words narrow it down", async () => {
    const page = await open("/log");
    const entries = page.locator(".entry");
    await entries.first().waitFor();
    await site.ask("call", "CS-TCP-1", "GetLocalListVersion", false);
    const frames = page.locator("details", { hasText: "GetLocalListVersion" }); // a line of the log does not open
    await frames.first().waitFor();
    await axe(page, "log");
    await screenshot(page, "log-desktop-light", false);
    await page.getByLabel("OCPP frames").uncheck();
    await page.getByLabel("Device writes").uncheck();
    await until("no frame is left", async () => await frames.count() === 0);
    await page.getByLabel("From level").selectOption("warn");
    await until("warnings and errors only", async () => await page.locator(".entry:not(.entry-tone-warning):not(.entry-tone-error)").count() === 0);
    await page.getByLabel("From level").selectOption("debug");
    await page.getByLabel("OCPP frames").check();
    await page.getByLabel("Station").selectOption("CS-ECHO-1");
    await until("one station's", async () => {
        const texts = await entries.allTextContents(); // lines of the log tell it in their words
        return texts.length > 0 && texts.every((text) => text.includes("CS-ECHO-1"));
    });
    await page.getByRole("searchbox", { name: "Search" }).fill("BootNotification");
    await until("with these words", async () => {
        const texts = await entries.allTextContents();
        return texts.length > 0 && texts.every((text) => text.includes("BootNotification"));
    });
    assert.ok(page.url().includes("station=CS-ECHO-1"), "the filter is part of the link");
    await close(page);
});

test("a gateway that goes away is told; when it is back one signs in and is where one was", async () => {
    const page = await open("/stations/CS-TCP-2");
    page.watch.expect(/net::ERR_/, / 401 /);
    await page.getByRole("button", { name: "Stop charging" }).waitFor();
    await site.ask("gateway", "stop");
    await page.getByText("No connection to the gateway.").waitFor();
    await axe(page, "no gateway");
    await screenshot(page, "no-gateway-desktop-light", false);
    await site.ask("gateway", "start");
    await page.getByText("Your session has ended.").waitFor();
    await page.getByLabel("User name").fill(ADMIN.user);
    await page.getByLabel("Password", { exact: true }).fill(ADMIN.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { level: 1, name: "CS-TCP-2" }).waitFor();
    await page.getByRole("button", { name: "Stop charging" }).waitFor(); // the session of the vehicle has outlived it
    await close(page);
});
