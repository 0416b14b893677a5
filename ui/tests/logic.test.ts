// What needs no browser: sorting out errors, frames in words, log lines, addresses, numbers, series.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Problem } from "../src/api";
import { adviceFor, hazardText, linkAdvice, troublesOf } from "../src/advice";
import { readNumber } from "../src/components/Form";
import { type Entry, joinPages } from "../src/dialogue/events";
import { callOf, callsOf, frameOf, summaryOf } from "../src/dialogue/frames";
import { logParts } from "../src/dialogue/log";
import { duration, energy, number, power } from "../src/format";
import { chooseLanguage, type PlainKey, t, tn } from "../src/i18n";
import { en, ja } from "../src/i18n/messages";
import { likenessText } from "../src/pages/add/likeness";
import { trialTrouble, troubleKind } from "../src/pages/add/trouble";
import { entryOf, errorsOfAnswer, errorsOfConnection, usualSecurity } from "../src/pages/csms/connection";
import { problemsOfEntry, readEntry, stakeOf } from "../src/pages/station/entry";
import { joinSeries, valueTold } from "../src/power";
import { match } from "../src/router";
import type { StationItem } from "../src/types";
import { yamlOf } from "../src/yaml";
import { lineOf, readYaml, YamlProblem } from "../src/yamlRead";

const entry = (id: number, data: Record<string, unknown>, more: Partial<Entry> = {}): Entry =>
    ({ id, time: "2026-01-31T12:00:00.000Z", type: "frame", station: "CS1", data, ...more });

test("each error of a link leads to its own advice", () => {
    const rows: [string, string][] = [
        ["connection refused or cut off", "link.refused.why"],
        ["HTTP status 401", "link.password.why"],
        ["HTTP status 404", "link.notFound.why"],
        ["HTTP status 503", "link.server.why"],
        ["no answer in time", "link.timeout.why"],
        ["certificate verify failed: expired", "link.certificate.why"],
        ["the server agreed to no subprotocol", "link.protocol.why"],
        ["cannot resolve the name", "link.name.why"],
        ["not tried yet", "link.notYet.why"],
        ["", "link.notYet.why"],
        ["something nobody thought of", "link.why"],
    ];
    for (const [told, key] of rows) assert.equal(linkAdvice(told).why, t(key as "link.why"), told);
});

test("codes of the gateway have words, and unknown ones their own text", () => {
    for (const code of ["csms-unreachable", "not-accepted", "faulted", "out-of-service", "set-inoperative", "charger-silent", "charger-unknown", "hazard"])
        assert.notEqual(adviceFor({ code, text: "x" }).title, t("other.title"), code);
    assert.equal(adviceFor({ code: "new-thing", text: "as told" }).why, "as told");
});

test("what a device does without the gateway, and why a profile fits, are told in the language of the pages", () => {
    const hazards = ["up to 6 A flow", "all that it can give flows", "up to its last limit flows", "it is not known what flows"];
    const told = (what: string) => `without the gateway ${what}: the device keeps charging`;
    const reason = "says who it is, 7 of 11 points, state charging, voltage 230 V, 1 of 2 EVSEs, values that make no sense";
    for (const what of hazards) assert.equal(hazardText(told(what)), `Without the gateway ${what}: the device keeps charging.`);
    assert.equal(hazardText("something new"), "Something new");
    assert.equal(likenessText(reason), "7 of 11 points can be read · state: Charging · voltage 230 V · 1 of 2 EVSEs · some values make no sense");
    chooseLanguage("ja");
    for (const what of hazards) assert.ok(!/[a-z]{2}/.test(hazardText(told(what)).replace("keeps charging", "")));
    assert.ok(hazardText(told("up to 6 A flow")).includes("最大6 A"));
    assert.ok(!/[a-z]{2}/.test(likenessText(reason)));
    assert.equal(likenessText("3 of 4 points, no state, something new").split(" · ")[2], "something new");
    chooseLanguage("en");
});

test("the same trouble of many chargers is one entry, errors first, and what is only to be known none", () => {
    const station = (id: string, rows: StationItem["attention"]): StationItem =>
        ({ id, link: "up", registration: "Accepted", evses: [], messagesWaiting: 0, eventsWaiting: 0, attention: rows });
    const found = troublesOf([
        station("A", [{ severity: "warning", code: "out-of-service", text: "" }, { severity: "info", code: "hazard", text: "" }]),
        station("B", [{ severity: "error", code: "charger-silent", text: "timed out" }]),
        station("C", [{ severity: "error", code: "charger-silent", text: "refused" }]),
    ]);
    assert.deepEqual(found.map((one) => [one.severity, one.items.map((item) => item.station)]), [["error", ["B", "C"]], ["warning", ["A"]]]);
});

test("an answer finds its question, which went the other way", () => {
    const call = entry(1, { outgoing: true, frame: [2, "m1", "Heartbeat", {}] });
    const answer = entry(2, { outgoing: false, frame: [3, "m1", {}] });
    const stray = entry(3, { outgoing: true, frame: [3, "m1", {}] });
    const calls = callsOf([answer, call]);
    assert.equal(callOf(answer, frameOf(answer) ?? [3, "", {}], calls)?.action, "Heartbeat");
    assert.equal(callOf(stray, frameOf(stray) ?? [3, "", {}], calls), undefined);
    assert.equal(frameOf(entry(4, { frame: "no frame" })), null);
});

test("a frame in a line tells the state first and meter values last", () => {
    assert.equal(summaryOf({ evseId: 1, connectorId: 2, connectorStatus: "Occupied", timestamp: "2026" }), "Occupied · evseId 1 · connectorId 2");
    assert.equal(summaryOf({
        eventType: "Updated", evse: { id: 1 }, meterValue: [{ sampledValue: [{ value: 5 }, { value: 16, measurand: "Current.Import", phase: "L1", unitOfMeasure: { unit: "A" } }] }],
    }), "Updated · evse 1 · 5 Wh, 16 A L1");
    assert.equal(summaryOf(null), "");
});

test("lines of the log are taken apart, as text and as JSON", () => {
    const log = (data: Record<string, unknown>) => logParts(entry(1, data, { type: "log" }));
    assert.deepEqual(log({ line: "2026-01-31T12:00:00.000Z warn  modbus: no answer: bus=a" }), { level: "warn", area: "modbus", message: "no answer: bus=a" });
    assert.deepEqual(log({ level: "info", area: "gateway", text: "ready" }), { level: "info", area: "gateway", message: "ready" });
    assert.deepEqual(log({ line: '{"level":"error","area":"store","message":"full","fields":{"path":"/x"}}' }), { level: "error", area: "store", message: "full: path=/x" });
    assert.deepEqual(log({ line: "{broken" }), { level: "", area: "", message: "{broken" });
});

test("pages of two questions are put together without a hole", () => {
    const log = (id: number): Entry => entry(id, { line: "station=CS1" }, { type: "log", station: "" });
    const filter = { types: ["log", "frame"], station: "CS1" };
    const joined = joinPages([{ items: [log(9), log(5)], more: true }, { items: [entry(8, {}), entry(2, {})], more: false }], filter);
    assert.deepEqual(joined.items.map((one) => one.id), [9, 8, 5]);
    assert.equal(joined.oldest, 5);
    assert.equal(joined.more, true);
});

test("addresses of pages", () => {
    assert.deepEqual(match("/stations/:id", "/stations/CS%2F1"), { id: "CS/1" });
    assert.equal(match("/stations/:id", "/stations"), null);
    assert.equal(match("/stations/:id", "/stations/%zz"), null);
});

test("numbers as people type them", () => {
    assert.equal(readNumber(" １６ ").value, 16);
    assert.equal(readNumber("3,7").value, 3.7);
    for (const bad of ["", "x", "-1", "33", "Infinity"]) assert.ok(readNumber(bad, 0, 32).error, bad);
});

test("quantities in both languages", () => {
    chooseLanguage("en");
    assert.deepEqual([power(999), power(7012.4), power(123_456), power(2_500_000), power(null)], ["999\u00a0W", "7.0\u00a0kW", "123\u00a0kW", "2.50\u00a0MW", "\u2013"]);
    assert.deepEqual([energy(12), energy(5230), number(-0.2)], ["12\u00a0Wh", "5.23\u00a0kWh", "0"]);
    assert.equal(duration(3900), "1\u00a0h 5\u00a0min");
    assert.equal(tn("count.chargers", 1), "1 charger");
    chooseLanguage("ja");
    assert.equal(duration(3900), "1時間 5分");
    assert.equal(tn("count.chargers", 1000), "充電器1,000台");
    chooseLanguage("en");
});

test("both languages have the same places in each text", () => {
    const places = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();
    for (const [key, text] of Object.entries(en)) assert.deepEqual(places(ja[key as keyof typeof ja]), places(text), key);
});

test("what the stream tells continues what was read, one value a step", () => {
    const from = "2026-01-31T12:00:00Z", start = Date.parse(from) / 1000;
    const read = { from, stepSeconds: 10, powerW: [null, 3600, 3600] };
    const series = joinSeries(read, [{ time: start + 15, powerW: 1 }, { time: start + 25, powerW: 7200 }, { time: start + 31, powerW: 0 }], 3600);
    assert.deepEqual(series.times.map((time) => time - start), [10, 20, 30]);
    assert.deepEqual(series.powerW, [3600, 7200, 0]);
    assert.deepEqual(series.energyWh, [0, 20, 20]);
});

test("power is placed by the gateway's clock, however the browser's goes", () => {
    const from = "2026-01-31T12:00:00Z", start = Date.parse(from) / 1000;
    const read = { from, stepSeconds: 10, powerW: [3600, 3600, 3600] };
    const now = Date.now;
    for (const aheadSeconds of [-300, 0, 4000]) {
        Date.now = () => (start + 30 + aheadSeconds) * 1000;
        try {
            const told = valueTold({ time: "2026-01-31T12:00:30.500Z", powerW: 7200 });
            const series = joinSeries(read, told ? [told] : [], 3600);
            assert.deepEqual(series.times.map((time) => time - start), [0, 10, 20, 30], String(aheadSeconds));
            assert.deepEqual(series.powerW, [3600, 3600, 3600, 7200]);
        } finally {
            Date.now = now;
        }
    }
    assert.equal(valueTold({ time: from }), undefined);
    assert.equal(valueTold({ time: "soon", powerW: 1 }), undefined);
});

test("an entry of gateway.yaml is read as it was written, with the line of each value", () => {
    const { value, lines } = readYaml([
        "id: CS-1   # of the garage", "csms: 'main'", "", "password: \"a # b: c\"", "variables:", "  OCPPCommCtrlr.HeartbeatInterval: \"60\"", "  A.B: 007",
        "chargers:", "  - { profile: keba-p30, tcp: \"10.0.0.1:502\", max_current: 12.5,", "      phases: [ 1, 2, true ], none: ~ }", "  - profile: x", "    tcp: 10.0.0.2:502", "", "limits: {}",
    ].join("\n"));
    assert.deepEqual(value, {
        id: "CS-1", csms: "main", password: "a # b: c", variables: { "OCPPCommCtrlr.HeartbeatInterval": "60", "A.B": "007" },
        chargers: [{ profile: "keba-p30", tcp: "10.0.0.1:502", max_current: 12.5, phases: [1, 2, true], none: null }, { profile: "x", tcp: "10.0.0.2:502" }], limits: {},
    });
    const places: [string, number | undefined][] = [
        ["id", 1], ["variables.A.B", 7], ["chargers[0].profile", 9], ["chargers[0].phases[1]", 10], ["chargers[1].tcp", 12], ["chargers[1].unit", 11], ["chargers[7]", 8], ["other", undefined],
    ];
    for (const [path, line] of places) assert.equal(lineOf(path, lines), line, path);
});

test("what is written for editing reads as what it was made of", () => {
    const entry = {
        id: "007", csms: "main", password: "***", on: "yes", text: "it's \"so\": #1", chargers: [{ profile: "a", tcp: "[::1]:502", unit: 3 }, { ocpp16: "CP 1", password: "***", empty: [], map: {} }],
        variables: Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`OCPPCommCtrlr.RetryBackOffWait${i}`, String(i)])), deep: [{ long: { a: "x".repeat(90), b: [1, 2] } }],
    };
    assert.deepEqual(readYaml(yamlOf(entry)).value, entry);
    assert.ok(yamlOf(entry).split("\n").every((line) => line.length <= 120), yamlOf(entry));
});

test("what cannot be read of an entry is told with its line", () => {
    const rows: [string, number, PlainKey][] = [
        ["id: 1\n\tcsms: x", 2, "yaml.tab"], ["id: 1\nid: 2", 2, "yaml.twice"], ["id: 1\n  csms: x", 2, "yaml.indent"], ["a:\n    b: 1\n  c: 2", 3, "yaml.indent"], ["id", 1, "yaml.key"],
        ["a: b: c", 1, "yaml.key"], ["a: \"b", 1, "yaml.quote"], ["a: 'b' c", 1, "yaml.quote"], ["a: [ 1, 2", 1, "yaml.bracket"], ["a: { b: 1 } }", 1, "yaml.bracket"],
        ["a: { b: 1\nc: 2 }", 2, "yaml.bracket"], ["a: |\n  text", 1, "yaml.other"], ["a: *b", 1, "yaml.other"], ["a: { b }", 1, "yaml.key"], ["- a\nb: c", 2, "yaml.indent"],
    ];
    for (const [text, line, key] of rows)
        assert.throws(() => readYaml(text), (error) => error instanceof YamlProblem && error.line === line && error.message === t(key), text);
    assert.deepEqual(readEntry("- a").problems, [{ line: 1, text: t("entry.noMap") }]);
    assert.equal(readEntry("").problems.length, 1);
});

test("the gateway's problems of a station stand at the lines of its entry", () => {
    const { lines } = readEntry("id: CS-1\nchargers:\n  - profile: x\n    tcp: y");
    const problem = new Problem(422, "", "", { problems: [
        { line: 40, path: "stations[3].chargers[0].tcp", text: "a" }, { line: 39, path: "stations[3].csms", text: "b" }, { line: null, path: "stations[3]", text: "c" }, { line: 2, path: "buses", text: "d" },
    ] });
    assert.deepEqual(problemsOfEntry(problem, lines), [
        { line: 4, path: "chargers[0].tcp", text: "a" }, { line: 1, path: "csms", text: "b" }, { line: 1, text: "c" }, { path: "buses", text: "d" },
    ]);
});

test("only where money hangs on a station it is asked again whether it goes", () => {
    const refused = (status: number, detail: string): string | undefined => stakeOf(new Problem(status, "", detail));
    assert.equal(refused(409, "a transaction is running; to remove it nevertheless add ?force=true"), "transaction");
    assert.equal(refused(409, "its CSMS has not had all its transaction events; to remove it nevertheless add ?force=true"), "events");
    assert.equal(refused(409, "another change is under way; try again"), undefined);
    assert.equal(refused(422, "force=true"), undefined);
});

test("a connection to a CSMS: what is wrong with it, and where the gateway's answer stands", () => {
    const good = { name: "main", url: "wss://csms.example.com/ocpp", security: "2", caFile: "" };
    const rows: [Partial<typeof good>, string[]][] = [
        [{}, []], [{ name: "" }, ["name"]], [{ name: "old" }, ["name"]], [{ name: "a b" }, ["name"]], [{ url: "https://x/" }, ["url"]], [{ url: "wss://" }, ["url"]], [{ url: "wss://u:p@x/" }, ["url"]],
        [{ url: "ws://x" }, ["security"]], [{ url: "ws://x", security: "3" }, ["security"]], [{ security: "1" }, ["security"]], [{ url: "ws://[::1]:9000/ocpp", security: "1" }, []], [{ url: "ws://x", security: "0" }, []],
    ];
    for (const [change, wrong] of rows) assert.deepEqual(Object.keys(errorsOfConnection({ ...good, ...change }, new Set(["old"]))), wrong, JSON.stringify(change));
    assert.deepEqual(entryOf({ ...good, name: " main ", caFile: " /a.pem " }), { name: "main", url: good.url, security_profile: 2, ca_file: "/a.pem" });
    assert.deepEqual(entryOf({ ...good, url: "ws://x", security: "0", caFile: "/a.pem" }), { name: "main", url: "ws://x", security_profile: 0 });
    assert.deepEqual([usualSecurity("wss://x"), usualSecurity("WS://x"), usualSecurity("w")], ["2", "1", undefined]);
    const answer = (path: string, text: string) => errorsOfAnswer(new Problem(422, "", "", { problems: [{ line: 3, path, text }] }));
    assert.deepEqual(answer("csms.main.ca_file", "cannot be read"), { caFile: "cannot be read" });
    assert.deepEqual(answer("csms.main", "security_profile 2 needs a wss:// url"), { security: "security_profile 2 needs a wss:// url" });
    assert.equal(answer("stations[0].csms", "none"), undefined);
    assert.equal(errorsOfAnswer(new Problem(409, "", "there is a CSMS of this name already")), undefined);
});

test("why a charger on trial does not answer has words for who stands before it", () => {
    const rows: [string, string][] = [
        ["the device answers, but it is not of this profile: serial_name says \"x\", expected \"y\"", "stranger"], ["the connection or line cannot be opened: Connection refused", "refused"],
        ["the connection or line cannot be opened: No route to host", "unreachable"], ["the connection or line cannot be opened: No such file or directory", "noPort"],
        ["the connection or line cannot be opened: Permission denied", "denied"], ["the connection or line cannot be opened: Device or resource busy", "busy"],
        ["the device does not answer: the device answered with an exception", "exception"], ["the device does not answer: no answer", "silent"], ["", "silent"],
    ];
    for (const [told, kind] of rows) assert.equal(troubleKind(told, "serial"), kind, told);
    assert.equal(troubleKind("the connection or line cannot be opened: No such device or address", "tcp"), "name");
    for (const key of Object.keys(en).filter((one) => /^add\.trouble\.\w+$/.test(one) && one !== "add.trouble.silent")) assert.ok(key + ".mend" in en, key);
    assert.notDeepEqual(trialTrouble("", "tcp").mend, trialTrouble("", "serial").mend);
});
