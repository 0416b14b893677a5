// gateway.yaml: edited, checked as it is typed, compared with the file, and applied.
import { useRef, useState } from "preact/hooks";
import { api, type Problem } from "../api";
import { type ConfigCheck, type ConfigText, problemsOf } from "../admin";
import { useCheck } from "../check";
import { confirm, Dialog } from "../components/Dialog";
import { Badge } from "../components/Badge";
import { Card, PageHead } from "../components/Page";
import { ErrorBox, Loaded, Notice } from "../components/State";
import { toast, toastError } from "../components/Toast";
import { Diff, type EditorHandle, ProblemList, YamlEditor } from "../components/YamlEditor";
import { Conflict, useDraft } from "../draft";
import { number } from "../format";
import { asProblem, useResource } from "../hooks";
import { t } from "../i18n";
import type { Problem422 } from "../types";
import { confirmDiscard, useUnsaved } from "../unsaved";

export function Settings() {
    const file = useResource<ConfigText>("/config");
    const reloadFile = async (): Promise<void> => {
        const yes = await confirm({ title: t("settings.reloadTitle"), text: <p>{t("settings.reloadText")}</p>, confirm: t("settings.reload") });
        if (!yes) return;
        try {
            await api.post("/reload");
            toast(t("settings.reloaded"));
            file.reload();
        } catch (error) {
            const told = problemsOf(asProblem(error)).map(({ file, line, text }) => [file, line && t("editor.line", { n: line }), text].filter(Boolean).join(": "));
            if (told.length) toast(told.join("\n"), "error");
            else toastError(error);
        }
    };
    return (
        <>
            <PageHead title={t("page.settings")} lead={file.data && t("settings.lead", { path: file.data.path })}>
                <button type="button" class="button" onClick={() => void reloadFile()}>{t("settings.reload")}</button>
            </PageHead>
            <Loaded from={file}>{(now) => <Editor file={now} reload={file.reload} />}</Loaded>
        </>
    );
}

function Editor({ file, reload }: { file: ConfigText; reload: () => void }) {
    const draft = useDraft(file, () => api.get<ConfigText>("/config"));
    const { base, text, setText, isChanged, conflict } = draft;
    const [isAsking, ask] = useState(false);
    const [problem, setProblem] = useState<Problem>();
    const editor = useRef<EditorHandle>(null);
    const check = useCheck<ConfigCheck>("/config/check", text, {}, base.etag);
    useUnsaved(isChanged);

    const apply = async (): Promise<void> => {
        ask(false);
        setProblem(undefined);
        try {
            await api.put("/config", { text, etag: base.etag });
            toast(t("settings.applied"));
            draft.saved();
            reload();
        } catch (error) {
            setProblem(await draft.refused(error));
        }
    };
    const discard = async (): Promise<void> => {
        if (await confirmDiscard()) setText(base.text);
    };
    const refused = problem ? problemsOf(problem) : [];
    const problems = check.answer?.problems ?? [];
    const isGood = check.isCurrent && check.answer !== undefined && problems.length === 0;
    return (
        <div class="split">
            <Card title={t("settings.text")} actions={isChanged && <Badge tone="warning">{t("editor.unsaved")}</Badge>}>
                <Conflict of={draft} />
                {problem && <ErrorBox problem={problem} />}
                <YamlEditor label={t("settings.text")} value={text} onChange={setText} problems={problems} handle={editor} />
                {check.problem ? <ErrorBox problem={check.problem} /> : <ProblemList problems={merge(check.answer?.problems, refused)} editor={editor} checking={!check.isCurrent} />}
                <div class="row">
                    <button type="button" class="button button-primary" disabled={!isChanged || !isGood || conflict !== undefined} onClick={() => ask(true)}>{t("settings.apply")}</button>
                    {isChanged && <button type="button" class="button" onClick={() => void discard()}>{t("editor.discard")}</button>}
                </div>
            </Card>
            <Card title={t("settings.effects")}>
                {!isChanged ? <p class="muted">{t("settings.noChange")}</p> : check.answer && problems.length === 0 && <Effects check={check.answer} />}
                {isChanged && check.answer?.diff && <><h3>{t("editor.diff")}</h3><Diff text={check.answer.diff} /></>}
            </Card>
            {isAsking && check.answer && (
                <Dialog title={t("settings.applyTitle")} wide onClose={() => ask(false)}>
                    <div class="dialog-body">
                        <p>{t("settings.applyText")}</p>
                        <Effects check={check.answer} />
                        <Diff text={check.answer.diff} />
                    </div>
                    <footer class="dialog-foot">
                        <button type="button" class="button" onClick={() => ask(false)}>{t("action.cancel")}</button>
                        <button type="button" class={`button ${check.answer.removed.length ? "button-danger" : "button-primary"}`} onClick={() => void apply()}>{t("settings.apply")}</button>
                    </footer>
                </Dialog>
            )}
        </div>
    );
}

const merge = (checked: Problem422[] | undefined, refused: Problem422[]): Problem422[] | undefined => (checked && checked.length === 0 && refused.length > 0 ? refused : checked);

const NAMED = 40;

export function Names({ ids }: { ids: readonly string[] }) {
    const shown = ids.slice(0, NAMED).join(", ");
    return <>{ids.length > NAMED ? t("profiles.more", { list: shown, n: number(ids.length - NAMED) }) : shown}</>;
}

function Effects({ check }: { check: ConfigCheck }) {
    const kinds = ([["changed", check.changed], ["added", check.added], ["removed", check.removed]] as const).filter(([, ids]) => ids.length > 0);
    return (
        <>
            {check.restart && <Notice tone="warning"><p>{t("settings.restart", { key: check.restart })}</p></Notice>}
            {kinds.length === 0 && <p>{t("settings.untouched")}</p>}
            <dl class="effects">
                {kinds.map(([kind, ids]) => (
                    <div key={kind}>
                        <dt class={kind === "removed" ? "text-error" : ""}>{t(`settings.${kind}`)} ({number(ids.length)})</dt>
                        <dd><strong><Names ids={ids} /></strong></dd>
                    </div>
                ))}
            </dl>
        </>
    );
}
