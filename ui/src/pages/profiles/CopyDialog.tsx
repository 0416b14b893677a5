// A profile under another name, as a file of this site.
import { useState } from "preact/hooks";
import { api, path, type Problem } from "../../api";
import { Dialog } from "../../components/Dialog";
import { focusWrong, TextField } from "../../components/Form";
import { ErrorBox } from "../../components/State";
import { toast } from "../../components/Toast";
import { asProblem } from "../../hooks";
import { t } from "../../i18n";
import { navigate } from "../../router";

const NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;

// The file says its own name once, at the beginning of a line.
export const renamed = (text: string, name: string): string => text.replace(/^profile:[^\n#]*?(?=\s*(#.*)?$)/m, `profile: ${name}`);

export function CopyDialog({ name, text, taken, onClose }: { name: string; text: string; taken: readonly string[]; onClose: () => void }) {
    const [to, setTo] = useState(`${name}-site`.slice(0, 64));
    const [tried, setTried] = useState(false);
    const [busy, setBusy] = useState(false);
    const [problem, setProblem] = useState<Problem>();
    const wrong = !NAME.test(to) ? t("profiles.nameRule") : taken.includes(to) ? t("profiles.nameTaken") : undefined;
    const submit = async (event: Event): Promise<void> => {
        event.preventDefault();
        setTried(true);
        focusWrong(event);
        if (wrong || busy) return;
        setBusy(true);
        setProblem(undefined);
        try {
            await api.put(path`/profiles/${to}`, { text: renamed(text, to), etag: "" });
            toast(t("profiles.copied", { name: to }));
            onClose();
            navigate("/profiles/" + encodeURIComponent(to));
        } catch (error) {
            setProblem(asProblem(error));
            setBusy(false);
        }
    };
    return (
        <Dialog title={t("profiles.copyTitle", { name })} onClose={onClose}>
            <form onSubmit={(event) => void submit(event)} noValidate>
                <div class="dialog-body">
                    <p class="muted">{t("profiles.copyText")}</p>
                    <TextField label={t("profiles.newName")} value={to} onChange={setTo} hint={tried && wrong ? undefined : t("profiles.nameRule")} error={tried ? wrong : undefined}
                        input={{ autocomplete: "off", autocapitalize: "off", spellcheck: false, autofocus: true, maxLength: 64 }} />
                    {problem && <ErrorBox problem={problem} />}
                </div>
                <footer class="dialog-foot">
                    <button type="button" class="button" onClick={onClose}>{t("action.cancel")}</button>
                    <button type="submit" class="button button-primary" disabled={busy}>{t("profiles.copy")}</button>
                </footer>
            </form>
        </Dialog>
    );
}
