// A charger from its page: what it shows is what the device does, and what one orders there happens at the device.
import assert from "node:assert/strict";
import { test } from "node:test";
import { api, axe, browser, close, dialog, go, isGone, screenshot, signedIn, site, stand, until } from "./support.mjs";

stand();

const open = async (path) => {
    const page = await browser.page({ signedIn });
    await go(page, path);
    return page;
};
const fact = (page, name) => page.locator("dl > div", { has: page.locator("dt", { hasText: new RegExp(`^${name}$`) }) }).locator("dd").first();
const numberOf = (text) => Number(/-?[\d.,]+/.exec(text)?.[0].replace(",", "") ?? NaN);

test("a session is started, limited and stopped from the page, and the device does it", async () => {
    const page = await open("/stations/CS-TCP-1");
    await page.getByText("No transaction is running.").waitFor();
    await site.sim("plug tcp1 soc=20 capacity=60kWh max=16");
    await page.getByText("Vehicle connected").first().waitFor(); // as it happens, without a reload

    await page.getByRole("button", { name: "Start charging" }).click();
    await axe(page, "start dialog");
    await dialog(page).getByRole("button", { name: "Start" }).click();
    await page.getByText("Please fill this in.").waitFor();
    await dialog(page).getByLabel("Token", { exact: true }).fill("04A1B2C3");
    await screenshot(page, "station-start-desktop-light", false);
    await dialog(page).getByRole("button", { name: "Start" }).click();
    await isGone(dialog(page));
    await until("the device charges", async () => (await site.show("tcp1")).state === "charging");
    await page.getByRole("button", { name: "Stop charging" }).waitFor();
    const begun = await until("the CSMS has the begin", async () => (await site.ask("heard", "CS-TCP-1", "TransactionEvent"))[0]);
    await page.locator(".transaction code", { hasText: begun.transactionInfo.transactionId }).waitFor();
    await page.locator(".transaction").getByText("04A1B2C3").waitFor();
    await until("the power is the device's", async () => {
        const shown = numberOf(await fact(page, "Power").textContent()); // kW
        return Math.abs(shown - (await site.show("tcp1")).power / 1000) <= 0.06;
    });
    await screenshot(page, "station-charging-desktop-light");

    await page.getByRole("button", { name: "Limit", exact: true }).click();
    await axe(page, "limit dialog");
    await dialog(page).getByLabel("Limit", { exact: true }).fill("１０"); // as a Japanese keyboard may give it
    await screenshot(page, "station-limit-desktop-light", false);
    await dialog(page).getByRole("button", { name: "Set limit" }).click();
    await isGone(dialog(page));
    await until("the device is limited", async () => (await site.show("tcp1")).currents.every((amps) => amps > 9 && amps <= 10));
    await page.getByRole("tab", { name: "Limits" }).click();
    const row = page.getByRole("row").filter({ hasText: "Energy management" });
    await row.getByText("10 A").waitFor();
    await row.getByText("In force", { exact: true }).waitFor();
    await axe(page, "limits");
    await row.getByRole("button", { name: "Release" }).click();
    await dialog(page).getByRole("button", { name: "Release" }).click();
    await until("the limit is gone", async () => (await site.show("tcp1")).currents.every((amps) => amps > 15));
    await isGone(row);

    await page.getByRole("tab", { name: "Now" }).click();
    await page.getByRole("button", { name: "Stop charging" }).click();
    await page.getByText(`Ends transaction ${begun.transactionInfo.transactionId} on CS-TCP-1.`).waitFor();
    await page.keyboard.press("Escape"); // asked, and not done
    await isGone(dialog(page));
    assert.equal((await site.show("tcp1")).state, "charging");
    await page.getByRole("button", { name: "Stop charging" }).click();
    await dialog(page).getByRole("button", { name: "Stop" }).click();
    await until("the device has stopped", async () => (await site.show("tcp1")).power === 0);
    await page.getByText("No transaction is running.").waitFor();
    await until("the CSMS has the end", async () => (await site.ask("heard", "CS-TCP-1", "TransactionEvent")).some((event) => event.eventType === "Ended" && event.transactionInfo.stoppedReason === "Remote"));
    await site.sim("unplug tcp1");
    await page.getByText("Available").first().waitFor();
    await close(page);
});

test("of an EVSE with several connectors the one that is meant is unlocked", async () => {
    const page = await open("/stations/CS-OWN-1");
    const asked = page.waitForRequest((request) => request.method() === "POST" && request.url().endsWith("/requests"));
    await page.getByRole("button", { name: "Unlock plug" }).click();
    await dialog(page).getByText("Unlocks connector 1 of CS-OWN-1").waitFor();
    assert.deepEqual(await dialog(page).getByLabel("Connector").locator("option").allTextContents(), ["1 · Available", "2 · Available"]);
    await dialog(page).getByLabel("Connector").selectOption("2");
    await dialog(page).getByText("Unlocks connector 2 of CS-OWN-1").waitFor();
    await axe(page, "a connector is chosen");
    await dialog(page).getByRole("button", { name: "Unlock", exact: true }).click();
    assert.deepEqual((await asked).postDataJSON().payload, { evseId: 1, connectorId: 2 });
    await close(page);
});

test("what the CSMS does is there, too: its limit, with its source", async () => {
    const profile = { id: 7, stackLevel: 0, chargingProfilePurpose: "TxDefaultProfile", chargingProfileKind: "Absolute",
        chargingSchedule: [{ id: 1, chargingRateUnit: "A", startSchedule: new Date(Date.now() - 1000).toISOString(), chargingSchedulePeriod: [{ startPeriod: 0, limit: 13 }] }] };
    const answer = await site.ask("call", "CS-TCP-2", "SetChargingProfile", { evseId: 1, chargingProfile: profile });
    assert.equal(answer.status, "Accepted");
    const page = await open("/stations/CS-TCP-2?tab=limits");
    const row = page.getByRole("row").filter({ hasText: "Default of all transactions" });
    await row.getByText("13 A").waitFor();
    await row.getByText("charging profile 7").waitFor();
    const { items } = await api(page, "/stations/CS-TCP-2/limits");
    assert.equal(await page.locator("tbody tr").count(), items.length);
    await close(page);
});

test("signals and points are those of the device, live, with address and raw words", async () => {
    const page = await open("/stations/CS-TCP-2?tab=points");
    const { items } = await api(page, "/stations/CS-TCP-2/points");
    const points = items.filter((item) => item.event === "point");
    assert.ok(points.length > 5);
    const row = (name) => page.getByRole("row").filter({ has: page.getByRole("cell", { name, exact: true }) });
    for (const { point, at } of points) {
        await row(point).first().waitFor();
        if (at) assert.ok((await row(point).first().textContent()).includes(at), point);
    }
    await site.sim("ambient tcp2 41");
    const degrees = points.find(({ unit }) => unit === "Celsius");
    await row(degrees.point).filter({ hasText: /41\S*\s°C/ }).waitFor();
    await page.getByLabel("Search points").fill(degrees.point);
    await until("one row is left", async () => await page.locator("tbody tr").count() === 1);
    await axe(page, "points");
    await close(page);
});

test("why a charger is offline: the page says that the device is silent, where it was asked, and what to do", async () => {
    const page = await open("/stations/CS-RTU-1");
    await page.getByText("Available").first().waitFor();
    await site.sim("power rtu1 off");
    await page.getByRole("heading", { name: "The charger does not answer" }).waitFor();
    await page.getByText("Is the charger powered?").waitFor();
    await page.getByText("The gateway asks it at line").waitFor();
    await page.getByText("Does not answer").first().waitFor();
    const button = (name) => page.getByRole("button", { name, exact: true });
    await page.getByText("While the charger does not answer, nothing is measured").waitFor();
    for (const name of ["Start charging", "Unlock plug"]) assert.ok(await button(name).isDisabled(), `${name}: nobody is there to do it`);
    assert.ok(await button("Limit").isEnabled(), "a limit waits for it");
    await axe(page, "a silent charger");
    await screenshot(page, "station-silent-desktop-light");
    await go(page, "/");
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    const trouble = page.locator(".trouble", { hasText: "The charger does not answer" });
    await trouble.getByRole("link", { name: "CS-RTU-1" }).waitFor();
    const { attention } = await api(page, "/overview");
    assert.ok(attention.some((one) => one.station === "CS-RTU-1" && one.severity === "error"));
    await site.sim("power rtu1 on");
    await isGone(trouble);
    await close(page);
});

test("a fault is told with its code, and goes when the device is well", async () => {
    const page = await open("/stations/CS-OWN-1");
    await page.getByText("Available").first().waitFor();
    await site.sim("fault own1 7");
    await page.getByRole("heading", { name: "The charger reports a fault" }).waitFor();
    await page.getByText("The device itself says that something is wrong").waitFor();
    await site.sim("fault own1 clear");
    await isGone(page.getByRole("heading", { name: "The charger reports a fault" }));
    await close(page);
});

test("why a charger has no link: the CSMS is away, and comes back", async () => {
    const page = await open("/stations/CS-TCP-2");
    await page.getByText("CSMS link: Connected").waitFor();
    await site.ask("csms", "close");
    try {
        await page.getByRole("heading", { name: "No connection to the CSMS" }).waitFor();
        await page.getByText("nothing takes the connection there").waitFor();
        await screenshot(page, "station-no-link-desktop-light");
        await go(page, "/csms");
        await page.getByRole("heading", { name: "Stations without a connection" }).waitFor();
        await page.locator(".trouble").first().getByText("Connection refused", { exact: false }).first().waitFor();
        await axe(page, "CSMS connections that are broken");
    } finally {
        await site.ask("csms", "open");
    }
    await page.getByText("All stations are connected.").waitFor();
    await close(page);
});

test("the OCPP dialogue: each frame in a line, answers with their time, opened, searched, held back", async () => {
    const page = await open("/stations/CS-ECHO-1?tab=ocpp");
    const entries = page.locator(".entry");
    await entries.first().waitFor();
    const answer = site.ask("call", "CS-ECHO-1", "GetVariables", { getVariableData: [{ component: { name: "TxCtrlr" }, variable: { name: "TxStartPoint" } }] });
    const call = entries.filter({ has: page.locator("strong", { hasText: /^GetVariables$/ }) });
    await call.locator("summary").click();
    await call.getByText('"TxStartPoint"').waitFor();
    const reply = entries.filter({ hasText: "Answer to GetVariables" });
    await reply.locator("summary").click();
    await reply.getByText(`"${(await answer).getVariableResult[0].attributeValue}"`).waitFor();
    await reply.getByText(/after\s\d+\sms/).waitFor();
    await axe(page, "OCPP dialogue");
    await screenshot(page, "station-dialogue-desktop-light");

    await page.getByRole("button", { name: "Pause" }).click();
    await site.ask("call", "CS-ECHO-1", "GetLocalListVersion", false);
    await page.getByText("2 new").waitFor();
    assert.equal(await entries.filter({ hasText: "GetLocalListVersion" }).count(), 0);
    await page.getByRole("button", { name: "Go on" }).click();
    await entries.filter({ hasText: "GetLocalListVersion" }).first().waitFor();
    await page.getByLabel("Search messages").fill("TxStartPoint");
    await until("only what fits is left", async () => (await entries.allTextContents()).every((text) => text.includes("GetVariables")) && await entries.count() === 2);
    await close(page);
});

test("commands to the station: out of service and in again, a message, any request, and a refusal in words", async () => {
    const page = await open("/stations/CS-TCP-2");
    await page.getByRole("button", { name: "Availability" }).click();
    await axe(page, "availability dialog");
    await dialog(page).getByRole("button", { name: "Take out of service" }).click();
    await fact(page, "Connector at the CSMS").filter({ hasText: "Unavailable" }).waitFor();
    await page.getByRole("heading", { name: "Set out of service" }).waitFor();
    await page.getByRole("button", { name: "Availability" }).click();
    await dialog(page).getByRole("button", { name: "Put into service" }).click();
    await fact(page, "Connector at the CSMS").filter({ hasText: /^Available/ }).waitFor();

    const before = (await site.ask("heard", "CS-TCP-2", "Heartbeat")).length;
    await page.getByRole("button", { name: "Ask for a message" }).click();
    await dialog(page).getByLabel("Message").selectOption("Heartbeat");
    await axe(page, "trigger dialog");
    await dialog(page).getByRole("button", { name: "Send" }).click();
    await until("the CSMS has it", async () => (await site.ask("heard", "CS-TCP-2", "Heartbeat")).length > before);

    await page.getByRole("button", { name: "OCPP request" }).click();
    const request = dialog(page);
    await request.getByLabel("Request").fill("GetVariables");
    await axe(page, "request dialog");
    await request.getByRole("button", { name: "Send" }).click();
    await request.getByText('"HeartbeatInterval"').last().waitFor();
    await request.getByText('"attributeValue"').waitFor();
    await screenshot(page, "station-request-desktop-light", false);
    await request.getByLabel("Payload (JSON)").fill("{ no JSON");
    await request.getByRole("button", { name: "Send" }).click();
    await request.locator(".field-error").waitFor();
    page.watch.expect(/422 .*\/requests$/);
    await request.getByLabel("Payload (JSON)").fill("{}");
    await request.getByRole("button", { name: "Send" }).click();
    await request.getByRole("alert").waitFor();
    await page.keyboard.press("Escape");
    await isGone(request);

    await page.getByRole("button", { name: "Restart" }).click();
    await axe(page, "restart dialog");
    const boots = (await site.ask("heard", "CS-TCP-2", "BootNotification")).length;
    await dialog(page).getByRole("button", { name: "Restart" }).click();
    await until("the station boots", async () => (await site.ask("heard", "CS-TCP-2", "BootNotification")).length > boots);
    await close(page);
});

test("the details are what the API tells, and no password is among them", async () => {
    const page = await open("/stations/CS-TCP-1?tab=details");
    const status = await api(page, "/stations/CS-TCP-1");
    await page.getByText(site.csms).first().waitFor();
    await page.getByText(status.item.model).first().waitFor();
    await page.getByText("Complete status").click();
    assert.ok(!(await page.content()).includes("a-password-of-16-or-more"));
    await axe(page, "details");
    await close(page);
});

test("an address that is nobody's is told as such", async () => {
    const page = await open("/stations/NOBODY");
    page.watch.expect(/404 .*NOBODY/);
    await page.getByRole("link", { name: "Go to the overview" }).waitFor();
    await go(page, "/nowhere");
    await page.getByRole("heading", { name: "Page not found" }).waitFor();
    await axe(page, "not found");
    await close(page);
});
