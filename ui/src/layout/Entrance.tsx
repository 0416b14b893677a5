// Before one is in: sign in, or make the first administrator.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Problem } from "../api";
import { focusWrong, PasswordField, TextField } from "../components/Form";
import { Icon } from "../components/Icon";
import { Notice, problemText } from "../components/State";
import { duration } from "../format";
import { asProblem } from "../hooks";
import { t } from "../i18n";
import { logIn, setUp } from "../session";
import { Preferences } from "./Layout";

export const PASSWORD_MIN = 10;
const LOG_COMMAND = "journalctl -u ocpp-gateway | grep -i 'setup token'";

function Entrance({ title, intro, children }: { title: string; intro: string; children: ComponentChildren }) {
    useEffect(() => {
        document.title = `${title} \u00b7 ${t("app.name")}`;
    }, [title]);
    const main = useRef<HTMLElement>(null);
    useEffect(() => main.current?.querySelector<HTMLElement>("[autofocus]")?.focus(), []); // browsers heed it once in a document only
    return (
        <main class="entrance" ref={main}>
            <div class="card entrance-card">
                <p class="brand"><span class="brand-mark"><Icon name="bolt" size={18} /></span>{t("app.name")}</p>
                <h1>{title}</h1>
                <p class="muted">{intro}</p>
                {children}
            </div>
            <Preferences />
        </main>
    );
}

// The seconds until another try is allowed, counted down.
function useWait(problem: Problem | undefined): number {
    const [left, setLeft] = useState(0);
    useEffect(() => setLeft(problem?.status === 429 ? Math.max(1, problem.retryAfterSeconds) : 0), [problem]);
    useEffect(() => {
        if (left <= 0) return;
        const timer = window.setTimeout(() => setLeft(left - 1), 1000);
        return () => window.clearTimeout(timer);
    }, [left]);
    return left;
}

function useSubmit(run: () => Promise<void>): { submit: (event: Event) => void; busy: boolean; problem: Problem | undefined } {
    const [busy, setBusy] = useState(false);
    const [problem, setProblem] = useState<Problem>();
    const submit = (event: Event): void => {
        event.preventDefault();
        if (busy) return;
        setBusy(true);
        setProblem(undefined);
        run().catch((error: unknown) => {
            setProblem(asProblem(error));
            setBusy(false);
        });
    };
    return { submit, busy, problem };
}

function Refusal({ problem, wait, wrong }: { problem: Problem | undefined; wait: number; wrong: string }) {
    if (wait > 0) return <div role="alert"><Notice tone="warning"><p>{t("login.wait", { time: duration(wait) })}</p></Notice></div>;
    if (!problem || problem.status === 429) return null;
    return <div role="alert"><Notice tone="error"><p>{problem.status === 401 ? wrong : problemText(problem)}</p></Notice></div>;
}

export function Login({ expired }: { expired: boolean }) {
    const [user, setUser] = useState("");
    const [password, setPassword] = useState("");
    const { submit, busy, problem } = useSubmit(() => logIn(user.trim(), password));
    const wait = useWait(problem);
    return (
        <Entrance title={t("login.title")} intro={t("login.intro")}>
            {expired && !problem && <Notice tone="info"><p>{t("login.expired")}</p></Notice>}
            <form onSubmit={submit}>
                <TextField label={t("login.user")} name="user" value={user} onChange={setUser}
                    input={{ autocomplete: "username", autocapitalize: "off", spellcheck: false, autofocus: true }} />
                <PasswordField label={t("login.password")} name="password" value={password} onChange={setPassword} input={{ autocomplete: "current-password" }} />
                <Refusal problem={problem} wait={wait} wrong={t("login.wrong")} />
                <button type="submit" class="button button-primary button-wide" disabled={busy || wait > 0}>{t("login.submit")}</button>
            </form>
        </Entrance>
    );
}

export function Setup() {
    const [token, setToken] = useState("");
    const [user, setUser] = useState("admin");
    const [password, setPassword] = useState("");
    const [again, setAgain] = useState("");
    const [tried, setTried] = useState(false);
    const short = password.length < PASSWORD_MIN ? t("setup.short", { n: PASSWORD_MIN }) : undefined;
    const other = again !== password ? t("setup.mismatch") : undefined;
    const { submit, busy, problem } = useSubmit(() => setUp(token.trim(), user.trim(), password));
    const wait = useWait(problem);
    const check = (event: Event): void => {
        event.preventDefault();
        setTried(true);
        focusWrong(event);
        if (!short && !other) submit(event);
    };
    const [before, after] = t("setup.tokenHint", { command: "\0" }).split("\0");
    return (
        <Entrance title={t("setup.title")} intro={t("setup.intro")}>
            <form onSubmit={check}>
                <TextField label={t("setup.token")} name="token" value={token} onChange={setToken} hint={<>{before}<code>{LOG_COMMAND}</code>{after}</>}
                    input={{ autocomplete: "off", autocapitalize: "off", spellcheck: false, autofocus: true }} />
                <TextField label={t("login.user")} name="user" value={user} onChange={setUser} input={{ autocomplete: "username", autocapitalize: "off", spellcheck: false }} />
                <PasswordField label={t("setup.password")} name="password" value={password} onChange={setPassword} hint={t("setup.passwordHint", { n: PASSWORD_MIN })}
                    error={tried ? short : undefined} input={{ autocomplete: "new-password" }} />
                <PasswordField label={t("setup.repeat")} name="again" value={again} onChange={setAgain} error={tried ? other : undefined} input={{ autocomplete: "new-password" }} />
                <Refusal problem={problem} wait={wait} wrong={t("setup.wrong")} />
                <button type="submit" class="button button-primary button-wide" disabled={busy || wait > 0}>{t("setup.submit")}</button>
            </form>
        </Entrance>
    );
}

export function NoGateway() {
    return (
        <Entrance title={t("login.down")} intro={t("login.downText")}>
            <p role="status"><span class="spinner" aria-hidden="true" /></p>
        </Entrance>
    );
}
