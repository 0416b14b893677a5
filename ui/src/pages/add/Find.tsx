// A search while it runs: what is being done, what was found, which profiles fit and why.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { api, path, Problem } from "../../api";
import type { EchonetFound, EchonetObject, ModbusFound, ProfileItem, Scan } from "../../admin";
import { announce } from "../../announce";
import { Badge, type Tone } from "../../components/Badge";
import { Icon } from "../../components/Icon";
import { Empty, ErrorBox, Notice } from "../../components/State";
import { number, withUnit } from "../../format";
import { asProblem, useList, useStream } from "../../hooks";
import { t, tn } from "../../i18n";
import { stationHref } from "../../router";
import { type Draft, placeText, protocolOf, withSettings } from "./draft";
import { likenessText } from "./likeness";

const POLL_MS = 1500;

interface Props {
    draft: Draft;
    scan: Scan;
    setScan: (scan: Scan) => void;
    onBack: () => void;
    onKnown: () => void;
    onChoose: (changes: Partial<Draft>) => void;
}

// Reads the scan while it runs, at once when the stream tells of it; ends it when one leaves.
function useScan(scan: Scan, setScan: (scan: Scan) => void): { problem: Problem | undefined; stop: () => void } {
    const [problem, setProblem] = useState<Problem>();
    const [turn, setTurn] = useState(0);
    const latest = useRef(scan);
    latest.current = scan;
    const isRunning = scan.state === "running";
    const again = (): void => setTurn((n) => n + 1);
    useStream({ types: ["scan"] }, (event) => {
        if (String((event.data as { id?: unknown })?.id) === scan.id && latest.current.state === "running") again();
    }, again);
    useEffect(() => {
        if (!isRunning) return;
        const abort = new AbortController();
        const timer = window.setTimeout(again, POLL_MS);
        api.get<Scan>(path`/scans/${scan.id}`, {}, abort.signal)
            .then((now) => {
                setScan({ ...now, id: String(now.id) });
                setProblem(undefined);
            })
            .catch((error: unknown) => {
                if (abort.signal.aborted) return;
                setProblem(asProblem(error));
                if (error instanceof Problem && error.status === 404) setScan({ ...latest.current, state: "failed" });
            });
        return () => {
            window.clearTimeout(timer);
            abort.abort();
        };
    }, [turn, isRunning, scan.id]);
    const end = (): void => void api.delete(path`/scans/${scan.id}`).catch(() => undefined); // gone already
    useEffect(() => () => {
        if (latest.current.state !== "running") return;
        end();
        setScan({ ...latest.current, state: "done" }); // what was found is still there when one comes back
    }, [scan.id]);
    const stop = (): void => {
        end();
        setScan({ ...latest.current, state: "done" });
    };
    return { problem, stop };
}

const isNode = (found: ModbusFound | EchonetFound): found is EchonetFound => "objects" in found;
const chargersOf = (found: EchonetFound): EchonetObject[] => found.objects.filter((object) => object.profile);

export function Find({ draft, scan, setScan, onBack, onKnown, onChoose }: Props) {
    const { problem, stop } = useScan(scan, setScan);
    const profiles = useList<ProfileItem>(draft.way === "echonet" ? null : "/profiles", { protocol: protocolOf[draft.way] });
    const models = useMemo(() => new Map((profiles.data ?? []).filter((one) => one.vendor)
        .map((one) => [one.name, `${one.vendor} ${one.models?.join(", ") ?? ""}`])), [profiles.data]);
    const isRunning = scan.state === "running";
    const count = scan.found.length;
    useEffect(() => {
        if (count > 0) announce(tn("add.found", count));
    }, [count]);
    const last = scan.messages[scan.messages.length - 1];
    const where = draft.way === "echonet" ? "ECHONET Lite" : placeText(draft);
    return (
        <div class="stack">
            <div class="scan-state">
                {isRunning ? <span class="spinner" aria-hidden="true" /> : <Icon name={scan.state === "failed" ? "error" : "ok"} />}
                <div>
                    <p role="status"><strong>{isRunning ? t("add.searching", { where }) : scan.state === "failed" ? t("add.searchFailed") : tn("add.found", count)}</strong></p>
                    {last && <p class="muted small">{last}</p>}
                </div>
                {isRunning && <button type="button" class="button" onClick={stop}><Icon name="stop" size={16} />{t("add.stop")}</button>}
            </div>
            {problem && problem.status !== 404 && <ErrorBox problem={problem} />}
            {scan.found.map((found) => isNode(found)
                ? <Node key={found.node_id + found.host} found={found} onChoose={onChoose} />
                : <Unit key={found.unit} found={found} models={models} onChoose={onChoose} />)}
            {!isRunning && count === 0 && <Empty icon="search" title={t("add.nothing")}><ul class="plain-list advice-list">{t(`add.nothing.${draft.way === "serial" ? "serial" : draft.way === "echonet" ? "echonet" : "tcp"}`).split("\n").map((line) => <li key={line}>{line}</li>)}</ul></Empty>}
            {scan.messages.length > 1 && (
                <details>
                    <summary>{t("add.messages")}</summary>
                    <ul class="small mono messages" tabIndex={0}>{scan.messages.map((text, i) => <li key={i}>{text}</li>)}</ul>
                </details>
            )}
            <div class="row step-buttons">
                <button type="button" class="button" onClick={onBack}>{t("add.back")}</button>
                {draft.way !== "echonet" && <button type="button" class="button" onClick={onKnown}>{t("add.known")}</button>}
            </div>
        </div>
    );
}

function Owned({ station }: { station: string }) {
    return <p class="owned"><Icon name="ok" size={16} /> {t("add.owned")} <a href={stationHref(station)}>{station}</a></p>;
}

const scoreTone = (score: number): Tone => (score >= 80 ? "ok" : score >= 50 ? "warning" : "neutral");

// `models`: of each profile, what stands on the charger: "ABB Terra AC wallbox".
function Unit({ found, models, onChoose }: { found: ModbusFound; models: ReadonlyMap<string, string>; onChoose: Props["onChoose"] }) {
    const { settings } = found;
    const line = settings?.baud ? `${settings.baud} baud, ${settings.data_bits ?? 8}${settings.parity ?? ""}${settings.stop_bits ?? ""}` : ""; // "8E1"
    return (
        <section class="found">
            <h3>{t("add.unitAnswers", { unit: found.unit })} <span class="muted small">{line}</span></h3>
            {found.station && <Owned station={found.station} />}
            {found.profiles.length === 0 && <Notice tone="info"><p>{t("add.noProfile")}</p></Notice>}
            <ul class="candidates">
                {found.profiles.map((one, i) => (
                    <li key={one.profile}>
                        <Badge tone={scoreTone(one.score)}><span class="visually-hidden">{t("add.score")} </span>{withUnit(number(one.score), "%")}</Badge>
                        <div>
                            <strong>{models.get(one.profile) ?? one.profile}</strong> {models.has(one.profile) && <span class="muted small">{one.profile}</span>} {one.identified && <Badge tone="ok" icon="ok">{t("add.identified")}</Badge>}
                            <p class="muted small">{likenessText(one.reason)}</p>
                        </div>
                        <button type="button" class={`button ${i === 0 && one.score >= 50 && !found.station ? "button-primary" : ""}`} aria-label={`${t("add.use")}: ${one.profile}`}
                            onClick={() => onChoose({ profile: one.profile, unit: String(found.unit), ...withSettings(settings) })}>{t("add.use")}</button>
                    </li>
                ))}
            </ul>
            {found.profiles.length === 0 && <button type="button" class="button" onClick={() => onChoose({ profile: "", unit: String(found.unit), ...withSettings(settings) })}>{t("add.chooseModel")}</button>}
        </section>
    );
}

function Node({ found, onChoose }: { found: EchonetFound; onChoose: Props["onChoose"] }) {
    const chargers = chargersOf(found);
    const others = found.objects.filter((object) => !object.profile).map((object) => object.class || "0x" + object.code.toString(16).toUpperCase());
    return (
        <section class="found">
            <h3>{found.host} <code class="muted small">{found.node_id}</code></h3>
            {chargers.length === 0 && <p class="muted">{t("add.noCharger")}</p>}
            <ul class="candidates">
                {chargers.map((object) => (
                    <li key={`${object.code}/${object.instance}`}>
                        <Badge tone="ok" icon="charger">0x{object.code.toString(16).toUpperCase().padStart(4, "0")}</Badge>
                        <div>
                            <strong>{object.class}</strong> {object.instance > 1 && t("add.instanceN", { n: object.instance })}
                            {object.station && <Owned station={object.station} />}
                            <p class="muted small">{t("add.maker", { code: object.manufacturer ?? "" })}</p>
                            {object.properties && object.properties.length > 0 && <Properties of={object} />}
                        </div>
                        <button type="button" class={`button ${object.station ? "" : "button-primary"}`} aria-label={`${t("add.use")}: ${object.class} ${found.host}`}
                            onClick={() => onChoose({ profile: object.profile ?? "", host: found.host, nodeId: found.node_id, instance: String(object.instance) })}>{t("add.use")}</button>
                    </li>
                ))}
            </ul>
            {others.length > 0 && <p class="muted small">{t("add.otherObjects", { list: others.join(", ") })}</p>}
        </section>
    );
}

function Properties({ of }: { of: EchonetObject }) {
    return (
        <details>
            <summary>{t("add.properties")}</summary>
            <ul class="small messages" tabIndex={0}>
                {(of.properties ?? []).map((one) => (
                    <li key={one.epc}><code>0x{one.epc.toString(16).toUpperCase()}</code> {one.name} <span class="muted">{[one.get && t("add.get"), one.set && t("add.set"), one.inf && t("add.inf")].filter(Boolean).join(" · ")}</span></li>
                ))}
            </ul>
        </details>
    );
}
