// A new connection to a CSMS.
import { useState } from "preact/hooks";
import { api, type Problem } from "../../api";
import { Dialog } from "../../components/Dialog";
import { Field, focusWrong, TextField } from "../../components/Form";
import { ErrorBox } from "../../components/State";
import { toast } from "../../components/Toast";
import { asProblem } from "../../hooks";
import { t } from "../../i18n";
import { type Connection, type ConnectionErrors, entryOf, errorsOfAnswer, errorsOfConnection, securities, usualSecurity } from "./connection";

const plain = { autocomplete: "off", autocapitalize: "off", spellcheck: false } as const;

interface Props {
    taken: readonly string[]; // names that there are
    onClose: () => void;
    onDone: (name: string) => void;
}

export function ConnectionDialog({ taken, onClose, onDone }: Props) {
    const names = new Set(taken);
    const [typed, setTyped] = useState<Connection>({ name: names.size === 0 ? "main" : "", url: "", security: "2", caFile: "" });
    const [isChosen, setChosen] = useState(false); // the security, by a person
    const [wrong, setWrong] = useState<ConnectionErrors>({});
    const [problem, setProblem] = useState<Problem>();
    const [busy, setBusy] = useState(false);
    const change = (changes: Partial<Connection>): void => {
        setTyped((now) => ({ ...now, ...changes }));
        setWrong({});
        setProblem(undefined);
    };
    const changeUrl = (url: string): void => change({ url, ...(isChosen ? {} : { security: usualSecurity(url) ?? typed.security }) });
    const submit = async (event: Event): Promise<void> => {
        event.preventDefault();
        const form = event.currentTarget;
        const show = (errors: ConnectionErrors): void => {
            setWrong(errors);
            focusWrong({ currentTarget: form } as Event);
        };
        const found = errorsOfConnection(typed, names);
        show(found);
        if (Object.keys(found).length > 0 || busy) return;
        setBusy(true);
        setProblem(undefined);
        try {
            await api.post("/csms", entryOf(typed));
            const name = typed.name.trim();
            toast(t("csms.added", { name }));
            onDone(name);
            onClose();
        } catch (error) {
            const refused = asProblem(error);
            const at = errorsOfAnswer(refused);
            if (at) show(at);
            else setProblem(refused);
            setBusy(false);
        }
    };
    return (
        <Dialog title={t("csms.addTitle")} wide onClose={onClose}>
            <form onSubmit={(event) => void submit(event)} noValidate>
                <div class="dialog-body">
                    <p class="muted">{t("csms.addText")}</p>
                    <TextField label={t("csms.url")} name="url" hint={t("csms.urlHint")} value={typed.url} onChange={changeUrl} error={wrong.url} input={{ ...plain, type: "url", placeholder: "wss://csms.example.com/ocpp" }} />
                    <Field label={t("csms.securityChoice")} error={wrong.security}>
                        {(tied) => (
                            <div {...tied} role="radiogroup" aria-label={t("csms.securityChoice")} class="ways securities" tabIndex={wrong.security ? -1 : undefined}>
                                {securities.map((one) => (
                                    <label key={one} class={one === typed.security ? "chosen" : ""}>
                                        <input type="radio" name="security" value={one} checked={one === typed.security} onChange={() => { setChosen(true); change({ security: one }); }} />
                                        <span><strong>{t(`csms.security.${one}`)}</strong><span class="muted small">{t(`csms.security.${one}.why`)}</span></span>
                                    </label>
                                ))}
                            </div>
                        )}
                    </Field>
                    {usualSecurity(typed.url) !== "1" && <TextField label={t("csms.caFile")} name="caFile" optional hint={t("csms.caHint")} value={typed.caFile} onChange={(caFile) => change({ caFile })} error={wrong.caFile} input={{ ...plain, placeholder: "/etc/ocpp-gateway/csms-root.pem" }} />}
                    <TextField label={t("csms.name")} name="name" hint={t("csms.nameHint")} value={typed.name} onChange={(name) => change({ name })} error={wrong.name} input={{ ...plain, maxLength: 48 }} />
                    {problem && <ErrorBox problem={problem} />}
                </div>
                <footer class="dialog-foot">
                    <button type="button" class="button" onClick={onClose}>{t("action.cancel")}</button>
                    <button type="submit" class="button button-primary" disabled={busy}>{t("csms.add")}</button>
                </footer>
            </form>
        </Dialog>
    );
}
