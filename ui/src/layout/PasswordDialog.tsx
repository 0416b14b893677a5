// One's own password.
import { useState } from "preact/hooks";
import { api } from "../api";
import type { Problem } from "../api";
import { Dialog } from "../components/Dialog";
import { focusWrong, PasswordField } from "../components/Form";
import { ErrorBox } from "../components/State";
import { toast } from "../components/Toast";
import { asProblem } from "../hooks";
import { t } from "../i18n";
import { PASSWORD_MIN } from "./Entrance";

export function PasswordDialog({ user, onClose }: { user: string; onClose: () => void }) {
    const [old, setOld] = useState("");
    const [next, setNext] = useState("");
    const [again, setAgain] = useState("");
    const [tried, setTried] = useState(false);
    const [busy, setBusy] = useState(false);
    const [problem, setProblem] = useState<Problem>();
    const [refused, setRefused] = useState<string>(); // as the password until now
    const missing = old ? undefined : t("field.required");
    const wrong = old && old === refused ? t("password.wrong") : undefined;
    const short = next.length < PASSWORD_MIN ? t("setup.short", { n: PASSWORD_MIN }) : undefined;
    const other = again !== next ? t("setup.mismatch") : undefined;
    const submit = async (event: Event): Promise<void> => {
        event.preventDefault();
        const { currentTarget } = event; // not there any more after the answer
        setTried(true);
        focusWrong(event);
        if (missing || short || other || busy) return;
        setBusy(true);
        setRefused(undefined);
        setProblem(undefined);
        try {
            await api.put("/session/password", { old, new: next });
            toast(t("password.done"));
            onClose();
        } catch (error) {
            const found = asProblem(error);
            if (found.more.code === "WrongPassword") setRefused(old);
            else setProblem(found);
            setBusy(false);
            focusWrong({ currentTarget });
        }
    };
    return (
        <Dialog title={t("password.title")} onClose={onClose}>
            <form onSubmit={(event) => void submit(event)} noValidate>
                <div class="dialog-body">
                    <input type="text" name="username" autocomplete="username" value={user} readOnly hidden />
                    <PasswordField label={t("password.old")} name="old" value={old} onChange={setOld} error={(tried && missing) || wrong} input={{ autocomplete: "current-password" }} />
                    <PasswordField label={t("password.new")} name="new" value={next} onChange={setNext} hint={t("setup.passwordHint", { n: PASSWORD_MIN })}
                        error={tried ? short : undefined} input={{ autocomplete: "new-password" }} />
                    <PasswordField label={t("setup.repeat")} name="again" value={again} onChange={setAgain} error={tried ? other : undefined} input={{ autocomplete: "new-password" }} />
                    {problem && <ErrorBox problem={problem} />}
                </div>
                <footer class="dialog-foot">
                    <button type="button" class="button" onClick={onClose}>{t("action.cancel")}</button>
                    <button type="submit" class="button button-primary" disabled={busy}>{t("password.change")}</button>
                </footer>
            </form>
        </Dialog>
    );
}
