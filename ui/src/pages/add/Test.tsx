// The live test: the gateway reads the charger by the chosen profile, writes nothing, and a person watches whether it makes sense.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { api, path, Problem } from "../../api";
import { type Offers, problemsOf, type Trial } from "../../admin";
import { announce } from "../../announce";
import { Badge, stateName } from "../../components/Badge";
import { Icon } from "../../components/Icon";
import { type Live, LiveValues, nothingYet, withTold } from "../../components/LiveValues";
import { Hazard } from "../../components/Offers";
import { ErrorBox, Notice } from "../../components/State";
import { voltage } from "../../format";
import { asProblem } from "../../hooks";
import { t } from "../../i18n";
import type { SignalsEvent } from "../../types";
import { type Draft, entriesOf, placeText } from "./draft";
import { trialTrouble } from "./trouble";

const POLL_MS = 1000;
const SILENT_MS = 15_000; // by then it should have answered

interface Running {
    live: Live;
    online: boolean;
    offers: Offers | undefined;
    seen: ReadonlySet<string>; // states, since the test began
    problem: Problem | undefined;
    error: string; // why it is not online; "": it is, or is being asked
    isLate: boolean;
    isRestarted: boolean;
    again: () => void;
}

// Runs as long as it is drawn.
function useTrial(draft: Draft): Running {
    const [live, setLive] = useState<Live>(nothingYet);
    const [online, setOnline] = useState(false);
    const [offers, setOffers] = useState<Offers>();
    const [seen, setSeen] = useState<ReadonlySet<string>>(new Set());
    const [problem, setProblem] = useState<Problem>();
    const [error, setError] = useState("");
    const [isLate, setLate] = useState(false);
    const [isRestarted, setRestarted] = useState(false);
    const [turn, setTurn] = useState(0);
    useEffect(() => {
        let id = "", timer = 0, isOver = false;
        const end = (): void => void (id && api.delete(path`/trials/${id}`).catch(() => undefined));
        // A reload of the configuration ends all trials: this one begins once more by itself.
        const fail = (thrown: unknown): void => {
            if (isOver) return;
            if (id && !isRestarted && thrown instanceof Problem && thrown.status === 404) restart();
            else setProblem(asProblem(thrown));
        };
        const take = (trial: Trial): void => {
            if (isOver) return;
            const states = trial.items.filter((item): item is SignalsEvent => item.event === "signals" && item.online).map((item) => item.state);
            setLive((now) => withTold(now, trial.items));
            setSeen((now) => (states.every((state) => now.has(state)) ? now : new Set([...now, ...states])));
            setOnline(trial.online);
            setError(trial.error ?? "");
            if (trial.offers) setOffers(trial.offers);
            timer = window.setTimeout(() => void api.get<Trial>(path`/trials/${id}`).then(take, fail), POLL_MS);
        };
        const { charger, more } = entriesOf(draft);
        api.post<{ id: string | number }>("/trials", { ...charger, ...more })
            .then((made) => {
                id = String(made.id);
                if (isOver) return end();
                return api.get<Trial>(path`/trials/${id}`).then(take);
            })
            .catch(fail);
        const late = window.setTimeout(() => setLate(true), SILENT_MS);
        return () => {
            isOver = true;
            window.clearTimeout(timer);
            window.clearTimeout(late);
            end();
        };
    }, [turn]);
    const begin = (): void => {
        setLive(nothingYet);
        setOnline(false);
        setSeen(new Set());
        setProblem(undefined);
        setError("");
        setLate(false);
        setTurn((n) => n + 1);
    };
    const restart = (): void => {
        begin();
        setRestarted(true);
    };
    const again = (): void => {
        begin();
        setRestarted(false);
    };
    return { live, online, offers, seen, problem, error, isLate, isRestarted, again };
}

const WITH_VEHICLE = ["connected", "charging", "suspended_ev", "suspended_evse"];
type Result = "ok" | "wait" | "bad";

function Check({ result, children }: { result: Result; children: ComponentChildren }) {
    const icons = { ok: "ok", wait: "circle", bad: "warning" } as const;
    return (
        <li class={`check check-${result}`}>
            <Icon name={icons[result]} />
            <span><span class="visually-hidden">{t(`add.check.${result}`)}: </span>{children}</span>
        </li>
    );
}

export function Test({ draft, onBack, onNext }: { draft: Draft; onBack: () => void; onNext: () => void }) {
    const { live, online, offers, seen, problem, error, isLate, isRestarted, again } = useTrial(draft);
    const trouble = !online && !problem && (error || isLate) ? trialTrouble(error, draft.way) : undefined;
    const hasVehicle = WITH_VEHICLE.some((state) => seen.has(state));
    useEffect(() => {
        if (online) announce(t("add.check.answers"));
    }, [online]);
    useEffect(() => {
        if (hasVehicle) announce(t("add.check.vehicleSeen"));
    }, [hasVehicle]);
    const signals = [...live.signals.values()];
    const states = signals.filter((one) => one.online).map((one) => one.state);
    const isKnown = states.length > 0 && states.every((state) => state !== "unknown");
    const volts = signals.flatMap((one) => Object.entries(one.measured).filter(([name, value]) => name.startsWith("voltage") && value > 1).map(([, value]) => value));
    const isPlausible = volts.every((value) => value >= 90 && value <= 1000);
    return (
        <div class="stack">
            <p class="muted">{t("add.testText", { profile: draft.profile, where: placeText(draft) })}</p>
            {isRestarted && !problem && <Notice tone="info"><p>{t("add.restarted")}</p></Notice>}
            {problem && <TestProblem problem={problem} onRetry={again} />}
            {!problem && (
                <ul class="test-checks">
                    <Check result={online ? "ok" : trouble ? "bad" : "wait"}>{online ? t("add.check.answers") : (trouble?.title ?? t("live.waiting"))}</Check>
                    <Check result={!online ? "wait" : isKnown ? "ok" : "bad"}>
                        {!online ? t("add.check.state") : isKnown ? t("add.check.stateIs", { state: states.map(stateName).join(", ") }) : t("add.check.stateUnknown")}
                    </Check>
                    {volts.length > 0 && <Check result={isPlausible ? "ok" : "bad"}>{t(isPlausible ? "add.check.volts" : "add.check.voltsBad", { volts: volts.map((value) => voltage(value)).join(", ") })}</Check>}
                    <Check result={hasVehicle ? "ok" : "wait"}>{hasVehicle ? t("add.check.vehicleSeen") : t("add.check.vehicle")}</Check>
                </ul>
            )}
            {trouble && (
                <div role="status">
                    <ul class="plain-list advice-list">{trouble.mend.map((line) => <li key={line}>{line}</li>)}</ul>
                    {error && <p class="muted small">{t("advice.told")}: <code>{error}</code></p>}
                </div>
            )}
            <Hazard offers={offers} />
            {!problem && (
                <section class="live-box">
                    <h3>{t("profiles.live")} <Badge tone={online ? "ok" : "warning"} icon={online ? "ok" : "silent"}>{online ? t("live.online") : t("live.offline")}</Badge></h3>
                    <LiveValues live={live} />
                </section>
            )}
            <div class="row step-buttons">
                <button type="button" class="button" onClick={onBack}>{t("add.back")}</button>
                <button type="button" class={`button ${online ? "button-primary" : ""}`} onClick={onNext}>{online ? t("add.next") : t("add.nextAnyway")}</button>
            </div>
        </div>
    );
}

function TestProblem({ problem, onRetry }: { problem: Problem; onRetry: () => void }) {
    const told = problemsOf(problem);
    return (
        <>
            <ErrorBox problem={problem.status === 409 ? new Problem(409, problem.title, t("add.trialsBusy"), problem.more) : problem} onRetry={onRetry} />
            {told.length > 0 && <ul class="plain-list">{told.map((one, i) => <li key={i}>{one.path && <code>{one.path}</code>} {one.text}</li>)}</ul>}
        </>
    );
}
