// The assistant: from a charger on the wall to a station that is online, step by step. Each step is in the page's address, so the browser's way back
// goes back one step.
import type { ComponentChild } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Scan } from "../../admin";
import { announce } from "../../announce";
import { Card, PageHead } from "../../components/Page";
import { Icon } from "../../components/Icon";
import { t, type PlainKey } from "../../i18n";
import { navigate } from "../../router";
import type { PageProps } from "..";
import { ChooseProfile } from "./ChooseProfile";
import { Done } from "./Done";
import { type Draft, emptyDraft, type Errors } from "./draft";
import { Find } from "./Find";
import { Identity } from "./Identity";
import { Review } from "./Review";
import { Test } from "./Test";
import { Where } from "./Where";

const steps = ["where", "find", "profile", "test", "identity", "review", "done"] as const;
type Step = (typeof steps)[number];
const titles: Record<Step, PlainKey> = {
    where: "add.step.where", find: "add.step.find", profile: "add.step.profile", test: "add.step.test", identity: "add.step.identity", review: "add.step.review", done: "add.step.done",
};
const go = (step: Step): void => navigate("/add", { step: step === "where" ? undefined : step });

// How far one may go with what is there: after a reload of the browser that is the beginning.
function allowed(wanted: Step, draft: Draft, scan: Scan | undefined, saved: string): Step {
    if (wanted === "done") return saved ? "done" : "where";
    if (saved) return "done"; // what is saved is not saved twice
    if (wanted === "find") return scan ? "find" : "where";
    if (wanted === "profile") return draft.host || draft.way === "serial" || draft.nodeId || draft.identity16 ? "profile" : "where";
    return wanted === "where" || draft.profile ? wanted : "where";
}

export function Add({ query }: PageProps) {
    const [draft, setDraft] = useState<Draft>({ ...emptyDraft, profile: query.profile ?? "" });
    const [scan, setScan] = useState<Scan>();
    const [saved, setSaved] = useState("");
    const [refused, setRefused] = useState<Errors>({}); // fields that the gateway did not take
    const wanted = steps.find((one) => one === query.step) ?? "where";
    const step = allowed(wanted, draft, scan, saved);
    const change = (changes: Partial<Draft>): void => setDraft((now) => ({ ...now, ...changes }));
    const heading = useRef<HTMLHeadingElement>(null);
    const isFirst = useRef(true);
    useEffect(() => {
        if (!isFirst.current) {
            heading.current?.focus({ preventScroll: true });
            window.scrollTo(0, 0);
            announce(t("add.progress", { n: steps.indexOf(step) + 1, total: steps.length, step: t(titles[step]) }));
        }
        isFirst.current = false;
    }, [step]);

    const isOcpp16 = draft.way === "ocpp16";
    const content: Record<Step, () => ComponentChild> = {
        where: () => <Where draft={draft} change={change} onScan={(found) => { setScan(found); go("find"); }} onKnown={() => { setScan(undefined); go("profile"); }} />,
        find: () => scan && <Find draft={draft} scan={scan} setScan={setScan} onBack={() => go("where")} onKnown={() => go("profile")}
            onChoose={(changes) => { change(changes); go("profile"); }} />,
        profile: () => <ChooseProfile draft={draft} change={change} onBack={() => go(scan ? "find" : "where")} onNext={() => go(isOcpp16 ? "identity" : "test")} />,
        test: () => <Test draft={draft} onBack={() => go("profile")} onNext={() => go("identity")} />,
        identity: () => <Identity draft={draft} change={(changes) => { change(changes); setRefused({}); }} refused={refused} onBack={() => go(isOcpp16 ? "profile" : "test")} onNext={() => go("review")} />,
        review: () => <Review draft={draft} onBack={() => go("identity")} onRefused={setRefused} onSaved={() => { setSaved(draft.id.trim()); go("done"); }} />,
        done: () => <Done id={saved} centralSystem={isOcpp16 ? draft.url16 : ""} onAnother={() => {
            setSaved("");
            setScan(undefined);
            setDraft((now) => ({ ...emptyDraft, way: now.way, bus: now.way === "serial" ? now.bus || now.busName : "", csms: now.csms }));
            go("where");
        }} />,
    };
    const at = steps.indexOf(step);
    return (
        <div class="add">
            <PageHead title={t("page.add")} lead={t("add.lead")} />
            <ol class="steps" aria-label={t("add.steps")}>
                {steps.map((one, i) => (
                    <li key={one} aria-current={one === step ? "step" : undefined} class={i < at ? "step-done" : ""}>
                        <span class="step-mark" aria-hidden="true">{i < at ? <Icon name="ok" size={18} /> : i + 1}</span>
                        <span class="step-name">{t(titles[one])}</span>
                        {i < at && <span class="visually-hidden">{t("add.stepDone")}</span>}
                    </li>
                ))}
            </ol>
            <Card>
                <h2 ref={heading} tabIndex={-1} class="step-title">{t(titles[step])}</h2>
                {content[step]()}
            </Card>
        </div>
    );
}
