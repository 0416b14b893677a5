// Which protocol, and where: then search, or go on with a model that is known.
import { useEffect, useState } from "preact/hooks";
import { api, type Problem } from "../../api";
import type { Bus, Scan } from "../../admin";
import { focusWrong, PasswordField, SelectField, TextField } from "../../components/Form";
import { ErrorBox, Notice, problemText } from "../../components/State";
import { asProblem, useList } from "../../hooks";
import { t, tOr } from "../../i18n";
import { centralSystem, type Draft, emptyDraft, type Errors, errorsOfPlace, freeName, narrow, type StepProps, type Way, ways } from "./draft";

const plain = { autocomplete: "off", autocapitalize: "off", spellcheck: false } as const;
const LISTEN16 = "0.0.0.0:8887";
const BAUDS = ["1200", "2400", "4800", "9600", "19200", "38400", "57600", "115200"];

const serialOf = (bus: Bus): string | undefined => bus.settings?.serial;

// `bus`: the line, if the gateway has it already; its settings are those of the search.
function scanRequest(draft: Draft, bus: Bus | undefined): Record<string, unknown> {
    if (draft.way === "echonet") return { protocol: "echonet", ...(draft.networkInterface.trim() ? { interface: narrow(draft.networkInterface) } : {}) };
    const units = narrow(draft.units).replace(/\s/g, "");
    if (bus) return { protocol: "modbus", target: serialOf(bus), ...(units ? { units } : {}) };
    const isSerial = draft.way === "serial";
    return {
        protocol: "modbus", target: narrow(isSerial ? draft.serial : draft.host), ...(units ? { units } : {}),
        ...(!isSerial && draft.framing !== "tcp" ? { framing: draft.framing } : {}),
        ...(isSerial && draft.baud ? { baud: Number(narrow(draft.baud)) } : {}), ...(isSerial && draft.parity ? { parity: draft.parity } : {}),
    };
}

// "target: there is no serial port /dev/ttyUSB7": at which field that is shown.
function fieldOf(problem: Problem, way: Way): keyof Draft | undefined {
    const member = /^(\w+): /.exec(problem.detail)?.[1] ?? "";
    const fields: Record<string, keyof Draft> = {
        target: way === "serial" ? "serial" : "host", units: "units", baud: "baud", parity: "parity", framing: "framing", interface: "networkInterface",
    };
    return fields[member];
}

interface Props extends StepProps {
    onScan: (scan: Scan) => void;
    onKnown: () => void;
}

export function Where({ draft, change, onScan, onKnown }: Props) {
    const buses = useList<Bus>("/buses");
    const [wrong, setWrong] = useState<Errors>({});
    const [problem, setProblem] = useState<Problem>();
    const [busy, setBusy] = useState(false);
    const set = (changes: Partial<Draft>): void => {
        change(changes);
        setWrong({});
        setProblem(undefined);
    };
    const all = buses.data ?? [];
    const lines = all.filter(serialOf);
    const line = draft.way === "serial" ? lines.find(({ name }) => name === draft.bus) : undefined;
    const isKnown = !draft.bus || draft.way !== "serial" || line !== undefined; // else it is not read yet, or not there any more
    const canSearch = draft.way !== "ocpp16";
    const server = all.find(({ settings }) => settings?.listen)?.settings;
    const listen = draft.listen16 ?? server?.listen ?? "";
    const url16 = centralSystem(narrow(listen), server?.tls === true, window.location.hostname, narrow(draft.identity16));
    useEffect(() => change({ url16 }), [url16]);
    const names = new Set(all.map(({ name }) => name));
    const busName = freeName(emptyDraft.busName, names);
    useEffect(() => { // what is likely right, but for what somebody has typed
        if (!buses.data) return;
        change({
            listen16: server ? undefined : (draft.listen16 ?? LISTEN16),
            ...(draft.busName === draft.proposedName ? { busName, proposedName: busName } : {}),
            ...(lines.some(({ name }) => name === draft.bus) || draft.way !== "serial" ? {} : { bus: "" }),
        });
    }, [buses.data]);
    const submit = async (event: Event, isSearch: boolean): Promise<void> => {
        event.preventDefault();
        const found = errorsOfPlace(draft, isSearch);
        if (draft.way === "serial" && !draft.bus && names.has(narrow(draft.busName))) found.busName = t("add.wrong.busTaken");
        setWrong(found);
        focusWrong({ currentTarget: (event.currentTarget as HTMLElement).closest("form") });
        if (Object.keys(found).length > 0 || busy) return;
        if (!isSearch) return onKnown();
        setBusy(true);
        setProblem(undefined);
        try {
            const { id } = await api.post<{ id: string | number }>("/scans", scanRequest(draft, line));
            onScan({ id: String(id), state: "running", found: [], messages: [] });
        } catch (error) {
            const refused = asProblem(error);
            const field = line ? undefined : fieldOf(refused, draft.way); // of a line that there is, no field is drawn
            if (field) setWrong({ [field]: problemText(refused).replace(/^\w+: /, "") });
            else setProblem(refused);
            setBusy(false);
        }
    };
    const choose = (way: Way): void => set({ way, framing: way === "serial" ? "rtu" : "tcp", bus: "", nodeId: "", profile: "" });
    return (
        <form class="form" noValidate onSubmit={(event) => void submit(event, canSearch)}>
            <fieldset class="ways">
                <legend class="visually-hidden">{t("add.way")}</legend>
                {ways.map((way) => (
                    <label key={way} class={way === draft.way ? "chosen" : ""}>
                        <input type="radio" name="way" value={way} checked={way === draft.way} onChange={() => choose(way)} />
                        <span><strong>{tOr("add.way." + way, way)}</strong><span class="muted small">{tOr(`add.way.${way}.hint`, "")}</span></span>
                    </label>
                ))}
            </fieldset>
            {draft.way === "tcp" && <Tcp draft={draft} change={set} wrong={wrong} />}
            {draft.way === "serial" && <Serial draft={draft} change={set} wrong={wrong} lines={lines} />}
            {draft.way === "echonet" && <Echonet draft={draft} change={set} wrong={wrong} />}
            {draft.way === "ocpp16" && <Ocpp16 draft={draft} change={set} wrong={wrong} />}
            {buses.problem && <ErrorBox problem={buses.problem} onRetry={buses.reload} />}
            {problem?.status === 409 && <div role="alert"><Notice tone="warning"><p>{t("add.scanBusy")}</p><p class="small">{t("advice.told")}: <code>{problemText(problem)}</code></p></Notice></div>}
            {problem && problem.status !== 409 && <ErrorBox problem={problem} />}
            <div class="row step-buttons">
                {canSearch && <button type="submit" class="button button-primary" disabled={busy || !isKnown}>{t("add.search")}</button>}
                <button type="button" class={`button ${canSearch ? "" : "button-primary"}`} onClick={(event) => void submit(event, false)}>{canSearch ? t("add.known") : t("add.next")}</button>
            </div>
            {canSearch && <p class="muted small">{t("add.harmless")}</p>}
        </form>
    );
}

interface Part extends StepProps {
    wrong: Errors;
}

function Tcp({ draft, change, wrong }: Part) {
    return (
        <>
            <TextField label={t("add.host")} name="host" hint={t("add.hostHint")} value={draft.host} onChange={(host) => change({ host, bus: "" })} error={wrong.host} input={{ ...plain, placeholder: "192.168.1.20" }} />
            <details open={draft.framing !== "tcp" || !!draft.units || !!wrong.units}>
                <summary>{t("add.more")}</summary>
                <div class="form-row">
                    <SelectField label={t("add.framing")} value={draft.framing} onChange={(framing) => change({ framing, bus: "" })} error={wrong.framing}
                        options={["tcp", "rtu", "ascii"].map((value) => ({ value, label: tOr("add.framing." + value, value) }))} />
                    <Units draft={draft} change={change} wrong={wrong} />
                </div>
            </details>
        </>
    );
}

function Units({ draft, change, wrong }: Part) {
    return <TextField label={t("add.units")} optional hint={t("add.unitsHint")} value={draft.units} onChange={(units) => change({ units })} error={wrong.units} input={{ ...plain, placeholder: "1-20" }} />;
}

function Serial({ draft, change, wrong, lines }: Part & { lines: readonly Bus[] }) {
    return (
        <>
            {lines.length > 0 && <SelectField label={t("add.bus")} value={draft.bus} onChange={(bus) => change({ bus })} hint={draft.bus ? t("add.busHint") : undefined}
                options={[{ value: "", label: t("add.newBus") }, ...lines.map((bus) => ({ value: bus.name, label: `${bus.name} (${serialOf(bus)})` }))]} />}
            {draft.bus ? <Units draft={draft} change={change} wrong={wrong} /> : (
                <>
                    <div class="form-row">
                        <TextField label={t("add.serial")} name="serial" value={draft.serial} onChange={(serial) => change({ serial })} error={wrong.serial} input={{ ...plain, placeholder: "/dev/ttyUSB0" }} />
                        <TextField label={t("add.busName")} hint={t("add.busNameHint")} value={draft.busName} onChange={(busName) => change({ busName })} error={wrong.busName} input={plain} />
                    </div>
                    <div class="form-row">
                        <SelectField label={t("add.baud")} value={draft.baud} onChange={(baud) => change({ baud })} error={wrong.baud}
                            options={[{ value: "", label: t("add.try") }, ...BAUDS.map((value) => ({ value, label: value }))]} />
                        <SelectField label={t("add.parity")} value={draft.parity} onChange={(parity) => change({ parity })} error={wrong.parity}
                            options={[{ value: "", label: t("add.try") }, ...["none", "even", "odd"].map((value) => ({ value, label: tOr("add.parity." + value, value) }))]} />
                        <Units draft={draft} change={change} wrong={wrong} />
                    </div>
                </>
            )}
        </>
    );
}

function Echonet({ draft, change, wrong }: Part) {
    return (
        <>
            <p class="muted">{t("add.echonetHint")}</p>
            <div class="form-row">
                <TextField label={t("add.interface")} optional hint={t("add.interfaceHint")} value={draft.networkInterface} onChange={(networkInterface) => change({ networkInterface })} error={wrong.networkInterface} input={{ ...plain, placeholder: "eth0" }} />
                <TextField label={t("add.address")} optional hint={t("add.addressHint")} value={draft.host} onChange={(host) => change({ host })} error={wrong.host} input={{ ...plain, placeholder: "192.168.1.31" }} />
            </div>
        </>
    );
}

function Ocpp16({ draft, change, wrong }: Part) {
    return (
        <>
            <TextField label={t("add.identity16")} hint={t("add.identity16Hint")} value={draft.identity16} onChange={(identity16) => change({ identity16 })} error={wrong.identity16} input={plain} />
            <PasswordField label={t("add.password16")} optional hint={t("add.password16Hint")} value={draft.password16} onChange={(password16) => change({ password16 })} error={wrong.password16} input={{ autocomplete: "new-password" }} />
            {draft.listen16 !== undefined && <TextField label={t("add.listen16")} hint={t("add.listen16Hint")} value={draft.listen16} onChange={(listen16) => change({ listen16 })} error={wrong.listen16} input={plain} />}
            {draft.identity16 && draft.url16 && <CentralSystem url={draft.url16} />}
        </>
    );
}

export function CentralSystem({ url }: { url: string }) {
    return <Notice tone="info"><p>{t("add.centralSystem")} <code>{url}</code></p></Notice>;
}
