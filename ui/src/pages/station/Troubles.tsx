// Why something does not work, in plain words: the link, a silent device, a fault, a lock, what happens without the gateway.
import { type Advice, adviceFor, familyOf, hazardText, linkAdvice } from "../../advice";
import { Icon } from "../../components/Icon";
import { t } from "../../i18n";
import type { StationItem, StationStatus } from "../../types";
import type { Model } from "./model";

interface Found {
    key: string;
    tone: "error" | "warning" | "info";
    advice: Advice;
    where?: string;
    told?: string;
}

// Where a charger is asked, from its entry in the configuration: "10.0.0.9:502, unit 1".
function addresses(config: unknown): string {
    const chargers = (config as { chargers?: unknown[] } | null)?.chargers;
    if (!Array.isArray(chargers)) return "";
    return chargers.map((one) => {
        const { tcp, bus, echonet, ocpp16, unit } = one as Record<string, unknown>;
        const place = [tcp, bus, echonet, ocpp16].find((value) => value !== undefined && value !== null);
        const text = typeof place === "object" ? JSON.stringify(place) : String(place ?? "");
        return unit === undefined ? text : t("station.placeUnit", { place: text, unit: String(unit) });
    }).filter(Boolean).join(", ");
}

function find(item: StationItem, status: StationStatus): Found[] {
    const found: Found[] = [];
    const error = item.linkError ?? status.link_error ?? "";
    if (item.link !== "up" && (error || item.link !== "connecting"))
        found.push({ key: "link", tone: error ? "error" : "info", advice: linkAdvice(error), told: error,
            ...(item.messagesWaiting > 0 ? { where: t("station.waiting", { n: item.messagesWaiting }) } : {}) });
    else if (item.link === "up" && item.registration !== "Accepted")
        found.push({ key: "registration", tone: "warning", advice: adviceFor({ code: "registration", text: item.registration }) });
    const several = item.evses.length > 1;
    const silent = item.evses.filter((evse) => !evse.online).map((evse) => t("term.evseN", { n: evse.evse }));
    if (silent.length > 0) {
        const place = addresses(status.config);
        const isStarting = item.attention.some((one) => one.code === "charger-unknown") && !item.attention.some((one) => familyOf(one.code) === "silent");
        const why = item.attention.find((one) => familyOf(one.code) === "silent")?.text;
        const where = [several ? silent.join(", ") : "", place ? t("station.askedAt", { where: place }) : ""];
        found.push({ key: "silent", tone: "error", advice: adviceFor({ code: isStarting ? "unknown" : "silent", text: "" }), where: where.filter(Boolean).join(". "),
            ...(why ? { told: why } : {}) });
    }
    for (const evse of item.evses) {
        const who = several ? t("term.evseN", { n: evse.evse }) : "";
        if (!evse.online) continue;
        if (evse.fault || evse.state === "faulted")
            found.push({ key: "fault" + evse.evse, tone: "error", advice: adviceFor({ code: "faulted", text: evse.fault || "?" }), where: who });
    }
    for (const evse of status.evses)
        if (evse.device.lock_failed) found.push({ key: "lock" + evse.id, tone: "error", advice: adviceFor({ code: "lock", text: "" }), where: t("term.evseN", { n: evse.id }) });
    for (const charger of status.chargers ?? [])
        if (charger.hazard) found.push({ key: "hazard" + charger.firstEvse, tone: "info", advice: adviceFor({ code: "hazard", text: charger.hazard }), where: hazardText(charger.hazard) });
    const known = new Set([...found.map((one) => familyOf(one.key)), ...(silent.length > 0 ? ["silent", "starting"] : [])]);
    for (const one of item.attention)
        if (!known.has(familyOf(one.code))) found.push({ key: one.code + (one.evse ?? ""), tone: one.severity, advice: adviceFor(one), told: one.text });
    return found;
}

export function Troubles({ model }: { model: Model }) {
    const status = model.status.data;
    if (!model.item || !status) return null;
    const found = find(model.item, status);
    if (found.length === 0) return null;
    return <div class="station-troubles">{found.map((one) => <Trouble key={one.key} found={one} />)}</div>;
}

function Trouble({ found }: { found: Found }) {
    const { advice, tone, where, told } = found;
    // How a device is built is there for good, and must not push away what happens now.
    if (found.key.startsWith("hazard"))
        return (
            <section class={`notice notice-${tone}`}>
                <Icon name={tone} />
                <details>
                    <summary><h2>{advice.title}</h2></summary>
                    <p>{advice.why}</p>
                    {where && <p>{where}</p>}
                    <Steps advice={advice} told={told} />
                </details>
            </section>
        );
    return (
        <section class={`notice notice-${tone}`}>
            <Icon name={tone} />
            <div>
                <h2>{advice.title}</h2>
                <p>{advice.why}</p>
                {where && <p>{where}</p>}
                {tone === "info" && advice.mend.length > 1
                    ? <details><summary>{t("advice.mend")}</summary><Steps advice={advice} told={told} /></details>
                    : <Steps advice={advice} told={told} />}
            </div>
        </section>
    );
}

function Steps({ advice, told }: { advice: Advice; told: string | undefined }) {
    return (
        <>
            {advice.mend.length > 0 && <ol>{advice.mend.map((step) => <li key={step}>{step}</li>)}</ol>}
            {told && <p class="small">{t("advice.told")}: <code>{told}</code></p>}
        </>
    );
}
