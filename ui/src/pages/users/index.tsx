// Who may use the gateway: people with passwords, programs with tokens.
import { useState } from "preact/hooks";
import { api, path } from "../../api";
import type { Token, User } from "../../admin";
import { Badge } from "../../components/Badge";
import { confirm } from "../../components/Dialog";
import { Icon } from "../../components/Icon";
import { Card, PageHead } from "../../components/Page";
import { Empty, Loaded } from "../../components/State";
import { type Column, Table } from "../../components/Table";
import { toast, toastError } from "../../components/Toast";
import { ago, date, dateTime, NONE, toDate } from "../../format";
import { useResource } from "../../hooks";
import { t, tOr } from "../../i18n";
import { session } from "../../session";
import { useStore } from "../../store";
import type { Page } from "../../types";
import { TokenDialog } from "./TokenDialog";
import { UserDialog } from "./UserDialog";

const LIMIT = 1000;
const past = (time: string | undefined) => (time ? <span title={dateTime(time)}>{ago(time)}</span> : NONE);
const roleName = (role: string): string => tOr("role." + role, role);

export function Users() {
    const users = useResource<Page<User>>("/users", { limit: LIMIT });
    const tokens = useResource<Page<Token>>("/tokens", { limit: LIMIT });
    const [edited, edit] = useState<User | "new">();
    const [isMaking, make] = useState(false);
    const now = useStore(session);
    const self = now.kind === "in" ? now.session.user : "";

    const remove = async (kind: "users" | "tokens", name: string): Promise<void> => {
        const isUser = kind === "users";
        const yes = await confirm({
            title: t(isUser ? "users.deleteTitle" : "tokens.deleteTitle", { name }), confirm: t("action.delete"), danger: true,
            text: <p>{isUser ? t("users.deleteText", { name }) : t("tokens.deleteText")}</p>,
        });
        if (!yes) return;
        try {
            await api.delete(isUser ? path`/users/${name}` : path`/tokens/${name}`);
            toast(t(isUser ? "users.deleted" : "tokens.deleted", { name }));
            (isUser ? users : tokens).reload();
        } catch (error) {
            toastError(error);
        }
    };
    const userColumns: Column<User>[] = [
        { id: "name", title: t("users.name"), cell: (user) => <strong>{user.name}{user.name === self && <span class="muted"> ({t("users.you")})</span>}</strong>, sort: (user) => user.name },
        { id: "role", title: t("users.role"), cell: (user) => roleName(user.role), sort: (user) => user.role },
        { id: "created", title: t("users.created"), cell: (user) => date(user.created), sort: (user) => user.created },
        { id: "login", title: t("users.lastLogin"), cell: (user) => past(user.lastLogin), sort: (user) => user.lastLogin },
        { id: "do", title: t("action.column"), cell: (user) => (
            <div class="actions">
                <button type="button" class="button button-small" aria-label={`${t("users.edit")}: ${user.name}`} onClick={() => edit(user)}><Icon name="edit" size={15} />{t("users.edit")}</button>
                {user.name !== self && <button type="button" class="button button-small" aria-label={`${t("action.delete")}: ${user.name}`} onClick={() => void remove("users", user.name)}>{t("action.delete")}</button>}
            </div>
        ) },
    ];
    const tokenColumns: Column<Token>[] = [
        { id: "name", title: t("users.name"), cell: (token) => <strong>{token.name}</strong>, sort: (token) => token.name },
        { id: "role", title: t("users.role"), cell: (token) => roleName(token.role), sort: (token) => token.role },
        { id: "created", title: t("users.created"), cell: (token) => date(token.created), sort: (token) => token.created },
        { id: "used", title: t("users.lastUsed"), cell: (token) => past(token.lastUsed), sort: (token) => token.lastUsed },
        { id: "expires", title: t("users.expires"), cell: (token) => <Expiry at={token.expires} />, sort: (token) => token.expires },
        { id: "do", title: t("action.column"), cell: (token) => (
            <div class="actions">
                <button type="button" class="button button-small" aria-label={`${t("action.delete")}: ${token.name}`} onClick={() => void remove("tokens", token.name)}>{t("action.delete")}</button>
            </div>
        ) },
    ];
    return (
        <>
            <PageHead title={t("page.users")} lead={t("users.lead")} />
            <Card title={t("users.users")} actions={<button type="button" class="button button-primary" onClick={() => edit("new")}><Icon name="add" size={18} />{t("users.add")}</button>}>
                <Loaded from={users}>{(page) => <Table caption={t("users.users")} columns={userColumns} rows={page.items} rowKey={(user) => user.name} sortedBy="name" />}</Loaded>
            </Card>
            <Card title={t("users.tokens")} actions={<button type="button" class="button" onClick={() => make(true)}><Icon name="add" size={18} />{t("tokens.add")}</button>}>
                <p class="muted small hint">{t("users.tokensHint")}</p>
                <Loaded from={tokens}>{(page) => <Table caption={t("users.tokens")} columns={tokenColumns} rows={page.items} rowKey={(token) => token.name} sortedBy="name"
                    empty={<Empty icon="lock" title={t("tokens.none")} />} />}</Loaded>
            </Card>
            {edited && <UserDialog user={edited === "new" ? undefined : edited} isSelf={edited !== "new" && edited.name === self} onClose={() => edit(undefined)} onDone={users.reload} />}
            {isMaking && <TokenDialog onClose={() => make(false)} onDone={tokens.reload} />}
        </>
    );
}

function Expiry({ at }: { at: string | undefined }) {
    const there = toDate(at);
    if (!there) return <>{t("users.never")}</>;
    if (there.getTime() < Date.now()) return <Badge tone="error">{t("users.expired")}</Badge>;
    return <>{dateTime(there)}</>;
}
