// The station's entry of gateway.yaml, edited and put in the place of the one that is there.
import { useMemo, useRef, useState } from "preact/hooks";
import { api, path, type Problem } from "../../api";
import { Dialog } from "../../components/Dialog";
import { ErrorBox } from "../../components/State";
import { toast } from "../../components/Toast";
import { type EditorHandle, ProblemList, YamlEditor } from "../../components/YamlEditor";
import { asProblem } from "../../hooks";
import { t } from "../../i18n";
import { navigate } from "../../router";
import { confirmDiscard, useUnsaved } from "../../unsaved";
import { yamlOf } from "../../yaml";
import { problemsOfEntry, readEntry } from "./entry";
import type { Model } from "./model";

export function EntryDialog({ model, config, onClose }: { model: Model; config: Record<string, unknown>; onClose: () => void }) {
    const [base] = useState(() => yamlOf(config));
    const [text, setText] = useState(base);
    const [problem, setProblem] = useState<Problem>();
    const [busy, setBusy] = useState(false);
    const editor = useRef<EditorHandle>(null);
    const read = useMemo(() => readEntry(text), [text]);
    const refused = problem ? problemsOfEntry(problem, read.lines) : [];
    const problems = read.problems.length > 0 ? read.problems : refused;
    const isChanged = text !== base;
    useUnsaved(isChanged);
    const change = (now: string): void => {
        setText(now);
        setProblem(undefined);
    };
    const close = async (): Promise<void> => {
        if (!isChanged || await confirmDiscard()) onClose();
    };
    const save = async (): Promise<void> => {
        if (!read.entry || busy) return;
        setBusy(true);
        setProblem(undefined);
        try {
            await api.put(path`/stations/${model.id}`, read.entry);
            const id = String(read.entry.id);
            toast(t("entry.saved", { id }));
            onClose();
            if (id === model.id) model.refresh();
            else navigate("/stations/" + encodeURIComponent(id), { tab: "details" });
        } catch (error) {
            setProblem(asProblem(error));
            setBusy(false);
        }
    };
    return (
        <Dialog title={t("entry.title", { id: model.id })} wide onClose={() => void close()}>
            <div class="dialog-body">
                <p>{t("entry.text")}</p>
                {base.includes('"***"') && <p class="muted small">{t("entry.hidden")}</p>}
                <YamlEditor label={t("entry.title", { id: model.id })} value={text} onChange={change} problems={problems} handle={editor} />
                {problem && refused.length === 0 && <ErrorBox problem={problem} />}
                {problems.length > 0 && <ProblemList problems={problems} editor={editor} />}
            </div>
            <footer class="dialog-foot">
                <button type="button" class="button" onClick={() => void close()}>{t("action.cancel")}</button>
                <button type="button" class="button button-primary" disabled={!isChanged || !read.entry || busy} onClick={() => void save()}>{t("action.save")}</button>
            </footer>
        </Dialog>
    );
}
