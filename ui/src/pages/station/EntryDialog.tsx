// The station's entry of gateway.yaml, edited and put in the place of the one that is there.
import { useMemo, useRef, useState } from "preact/hooks";
import { api, path, type Problem } from "../../api";
import { Dialog } from "../../components/Dialog";
import { ErrorBox } from "../../components/State";
import { toast } from "../../components/Toast";
import { type EditorHandle, ProblemList, YamlEditor } from "../../components/YamlEditor";
import { Conflict, useDraft, type Version } from "../../draft";
import { t } from "../../i18n";
import { navigate } from "../../router";
import type { StationStatus } from "../../types";
import { confirmDiscard, useUnsaved } from "../../unsaved";
import { yamlOf } from "../../yaml";
import { problemsOfEntry, readEntry } from "./entry";
import type { Model } from "./model";

interface Props {
    model: Model;
    config: Record<string, unknown>;
    etag: string;
    onClose: () => void;
}

const versionOf = (config: Record<string, unknown>, etag: string): Version => ({ text: yamlOf(config), etag });

export function EntryDialog({ model, config, etag, onClose }: Props) {
    const now = useMemo(() => versionOf(config, etag), [etag]);
    const draft = useDraft(now, async () => {
        const { config: entry = {}, etag: known = "" } = await api.get<StationStatus>(path`/stations/${model.id}`);
        return versionOf(entry, known);
    });
    const { base, text, isChanged } = draft;
    const [problem, setProblem] = useState<Problem>();
    const [busy, setBusy] = useState(false);
    const editor = useRef<EditorHandle>(null);
    const read = useMemo(() => readEntry(text), [text]);
    const refused = problem ? problemsOfEntry(problem, read.lines) : [];
    const problems = read.problems.length > 0 ? read.problems : refused;
    useUnsaved(isChanged);
    const change = (now: string): void => {
        draft.setText(now);
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
            await api.put(path`/stations/${model.id}`, read.entry, { etag: base.etag });
            const id = String(read.entry.id);
            toast(t("entry.saved", { id }));
            onClose();
            if (id === model.id) model.refresh();
            else navigate("/stations/" + encodeURIComponent(id), { tab: "details" });
        } catch (error) {
            setProblem(await draft.refused(error));
            setBusy(false);
        }
    };
    return (
        <Dialog title={t("entry.title", { id: model.id })} wide onClose={() => void close()}>
            <div class="dialog-body">
                <p>{t("entry.text")}</p>
                {base.text.includes('"***"') && <p class="muted small">{t("entry.hidden")}</p>}
                <Conflict of={draft} />
                <YamlEditor label={t("entry.title", { id: model.id })} value={text} onChange={change} problems={problems} handle={editor} />
                {problem && refused.length === 0 && <ErrorBox problem={problem} />}
                {problems.length > 0 && <ProblemList problems={problems} editor={editor} />}
            </div>
            <footer class="dialog-foot">
                <button type="button" class="button" onClick={() => void close()}>{t("action.cancel")}</button>
                <button type="button" class="button button-primary" disabled={!isChanged || !read.entry || busy || draft.conflict !== undefined} onClick={() => void save()}>{t("action.save")}</button>
            </footer>
        </Dialog>
    );
}
