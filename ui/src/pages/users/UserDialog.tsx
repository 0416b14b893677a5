// Adds a user, or changes the role or password of one.
import { useState } from "preact/hooks";
import { api, path, type Problem } from "../../api";
import type { User } from "../../admin";
import { Dialog } from "../../components/Dialog";
import { focusWrong, PasswordField, SelectField, TextField } from "../../components/Form";
import { ErrorBox } from "../../components/State";
import { toast } from "../../components/Toast";
import { asProblem } from "../../hooks";
import { t, tOr } from "../../i18n";
import type { Role } from "../../types";
import { PASSWORD_MIN } from "../../layout/Entrance";

export const ROLES: readonly Role[] = ["viewer", "operator", "admin"];
export const NAME = /^(?!\.{1,2}$|local$)[A-Za-z0-9._@-]{1,64}$/;
export const roleOptions = () => ROLES.map((value) => ({ value, label: tOr("role." + value, value) }));

interface Props {
    user: User | undefined; // undefined: a new one
    isSelf: boolean;
    onClose: () => void;
    onDone: () => void;
}

export function UserDialog({ user, isSelf, onClose, onDone }: Props) {
    const [name, setName] = useState(user?.name ?? "");
    const [role, setRole] = useState<string>(user?.role ?? "viewer");
    const [password, setPassword] = useState("");
    const [tried, setTried] = useState(false);
    const [busy, setBusy] = useState(false);
    const [problem, setProblem] = useState<Problem>();
    const wrongName = user || NAME.test(name.trim()) ? undefined : t("users.nameRule");
    const wrongPassword = (user && !password) || password.length >= PASSWORD_MIN ? undefined : t("users.passwordShort", { n: PASSWORD_MIN });
    const submit = async (event: Event): Promise<void> => {
        event.preventDefault();
        setTried(true);
        focusWrong(event);
        if (wrongName || wrongPassword || busy) return;
        setBusy(true);
        setProblem(undefined);
        try {
            if (user) await api.put(path`/users/${user.name}`, { ...(role !== user.role ? { role } : {}), ...(password ? { password } : {}) });
            else await api.post("/users", { name: name.trim(), role, password });
            toast(t(user ? "users.changed" : "users.added", { name: name.trim() }));
            onDone();
            onClose();
        } catch (error) {
            setProblem(asProblem(error));
            setBusy(false);
        }
    };
    const isNothing = user !== undefined && role === user.role && !password;
    return (
        <Dialog title={user ? t("users.editTitle", { name: user.name }) : t("users.add")} onClose={onClose}>
            <form onSubmit={(event) => void submit(event)} noValidate>
                <div class="dialog-body">
                    {!user && <TextField label={t("users.name")} name="name" value={name} onChange={setName} hint={tried && wrongName ? undefined : t("users.nameRule")} error={tried ? wrongName : undefined}
                        input={{ autocomplete: "off", autocapitalize: "off", spellcheck: false, autofocus: true, maxLength: 64 }} />}
                    <SelectField label={t("users.role")} name="role" value={role} onChange={setRole} options={roleOptions()} disabled={isSelf}
                        hint={isSelf ? t("users.ownRole") : tOr("users.roleHint." + role, "")} />
                    <PasswordField label={user ? t("users.newPassword") : t("users.password")} optional={!!user} name="password" value={password} onChange={setPassword}
                        hint={user ? t("users.keepPassword") : tried && wrongPassword ? undefined : t("setup.passwordHint", { n: PASSWORD_MIN })} error={tried ? wrongPassword : undefined} input={{ autocomplete: "new-password" }} />
                    {problem && <ErrorBox problem={problem} />}
                </div>
                <footer class="dialog-foot">
                    <button type="button" class="button" onClick={onClose}>{t("action.cancel")}</button>
                    <button type="submit" class="button button-primary" disabled={busy || isNothing}>{user ? t("action.save") : t("users.addDo")}</button>
                </footer>
            </form>
        </Dialog>
    );
}
