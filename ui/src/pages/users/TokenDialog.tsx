// Creates a token, and shows it this once.
import { useState } from "preact/hooks";
import { api, type Problem } from "../../api";
import { Dialog } from "../../components/Dialog";
import { focusWrong, SelectField, TextField } from "../../components/Form";
import { Icon } from "../../components/Icon";
import { copyText } from "../../components/Json";
import { ErrorBox, Notice } from "../../components/State";
import { toDate } from "../../format";
import { asProblem } from "../../hooks";
import { t, tOr } from "../../i18n";
import { NAME, roleOptions } from "./UserDialog";

export function TokenDialog({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
    const [name, setName] = useState("");
    const [role, setRole] = useState("viewer");
    const [expires, setExpires] = useState("");
    const [tried, setTried] = useState(false);
    const [busy, setBusy] = useState(false);
    const [problem, setProblem] = useState<Problem>();
    const [secret, setSecret] = useState("");
    const wrongName = NAME.test(name.trim()) ? undefined : t("users.nameRule");
    const end = toDate(expires);
    const wrongTime = end && end.getTime() <= Date.now() ? t("tokens.past") : undefined;
    const submit = async (event: Event): Promise<void> => {
        event.preventDefault();
        setTried(true);
        focusWrong(event);
        if (wrongName || wrongTime || busy) return;
        setBusy(true);
        setProblem(undefined);
        try {
            const made = await api.post<{ token: string }>("/tokens", { name: name.trim(), role, ...(end ? { expires: end.toISOString() } : {}) });
            setSecret(made.token);
            onDone();
        } catch (error) {
            setProblem(asProblem(error));
            setBusy(false);
        }
    };
    if (secret)
        return (
            <Dialog title={t("tokens.made", { name: name.trim() })} onClose={onClose}>
                <div class="dialog-body">
                    <div role="status"><Notice tone="warning"><p>{t("tokens.once")}</p></Notice></div>
                    <div class="secret">
                        <code aria-label={t("tokens.secret")}>{secret}</code>
                        <button type="button" class="button" autofocus onClick={() => void copyText(secret)}><Icon name="copy" size={16} />{t("action.copy")}</button>
                    </div>
                </div>
                <footer class="dialog-foot"><button type="button" class="button button-primary" onClick={onClose}>{t("action.close")}</button></footer>
            </Dialog>
        );
    return (
        <Dialog title={t("tokens.add")} onClose={onClose}>
            <form onSubmit={(event) => void submit(event)} noValidate>
                <div class="dialog-body">
                    <TextField label={t("users.name")} name="name" value={name} onChange={setName} hint={tried && wrongName ? undefined : t("users.nameRule")} error={tried ? wrongName : undefined}
                        input={{ autocomplete: "off", autocapitalize: "off", spellcheck: false, autofocus: true, maxLength: 64 }} />
                    <SelectField label={t("users.role")} name="role" value={role} onChange={setRole} options={roleOptions()} hint={tOr("users.roleHint." + role, "")} />
                    <TextField label={t("users.expires")} optional name="expires" value={expires} onChange={setExpires} hint={t("tokens.expiresHint")} error={wrongTime} input={{ type: "datetime-local" }} />
                    {problem && <ErrorBox problem={problem} />}
                </div>
                <footer class="dialog-foot">
                    <button type="button" class="button" onClick={onClose}>{t("action.cancel")}</button>
                    <button type="submit" class="button button-primary" disabled={busy}>{t("tokens.addDo")}</button>
                </footer>
            </form>
        </Dialog>
    );
}
