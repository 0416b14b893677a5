// What will be added to gateway.yaml; then it is saved.
import { useState } from "preact/hooks";
import { api, type Problem } from "../../api";
import { type Csms, problemsOf } from "../../admin";
import { Icon } from "../../components/Icon";
import { copyText } from "../../components/Json";
import { ErrorBox, Loaded, Notice } from "../../components/State";
import { Yaml } from "../../components/YamlEditor";
import { asProblem, useList } from "../../hooks";
import { t } from "../../i18n";
import { useMay } from "../../session";
import { type Draft, entriesOf, type Errors, reviewOf, stationOf } from "./draft";

// Where the gateway's problem belongs to: the last word of "stations[24].id" or "stations[24].chargers[0].max_current".
const fields: Record<string, keyof Draft> = {
    id: "id", csms: "csms", password: "password", certificate_file: "certificateFile", key: "keyFile", max_current: "maxCurrent",
};

interface Props {
    draft: Draft;
    onBack: () => void;
    onSaved: () => void;
    onRefused: (errors: Errors) => void;
}

export function Review({ draft, onBack, onSaved, onRefused }: Props) {
    const isAdmin = useMay("admin");
    const csmses = useList<Csms>("/csms");
    const [problem, setProblem] = useState<Problem>();
    const [busy, setBusy] = useState(false);
    const csms = csmses.data?.find((one) => one.name === draft.csms);
    const told = problem ? problemsOf(problem) : [];
    const save = async (): Promise<void> => {
        if (busy) return;
        setBusy(true);
        setProblem(undefined);
        try {
            await api.post("/stations", { ...stationOf(draft, csms), ...entriesOf(draft).more });
            onSaved();
        } catch (error) {
            const refused = asProblem(error);
            const errors: Errors = {};
            for (const one of problemsOf(refused)) {
                const field = fields[/(\w+)$/.exec(one.path ?? "")?.[1] ?? ""];
                if (field) errors[field] = one.text;
            }
            onRefused(errors);
            setProblem(refused);
            setBusy(false);
        }
    };
    return (
        <Loaded from={csmses}>
            {() => {
                const text = reviewOf(draft, csms);
                return (
                    <div class="stack">
                        <p>{t("add.reviewText")}</p>
                        <Yaml text={text} />
                        {text.includes('"***"') && <p class="muted small">{t("add.hidden")}</p>}
                        <p class="muted small">{t("add.untouched")}</p>
                        {!isAdmin && <Notice tone="info"><p id="add-need-admin">{t("add.needAdmin")}</p></Notice>}
                        {problem && <ErrorBox problem={problem} />}
                        {told.length > 0 && <ul class="plain-list">{told.map((one, i) => <li key={i}>{one.path && <code>{one.path}</code>} {one.text}</li>)}</ul>}
                        <div class="row step-buttons">
                            <button type="button" class="button" onClick={onBack}>{t("add.back")}</button>
                            <button type="button" class="button" onClick={() => void copyText(text)}><Icon name="copy" size={16} />{t("action.copy")}</button>
                            <button type="button" class="button button-primary" disabled={!isAdmin || busy} aria-describedby={isAdmin ? undefined : "add-need-admin"} onClick={() => void save()}>{t("add.save")}</button>
                        </div>
                    </div>
                );
            }}
        </Loaded>
    );
}
