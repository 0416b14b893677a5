// One profile: its text, checked as it is typed, and beside it what a device that it describes answers.
import { useRef, useState } from "preact/hooks";
import { api, path, type Problem } from "../../api";
import { type Checked, type Offers, problemsOf, type ProfileItem, type ProfileText } from "../../admin";
import { useCheck } from "../../check";
import { Badge } from "../../components/Badge";
import { confirm } from "../../components/Dialog";
import { SelectField } from "../../components/Form";
import { StationLive } from "../../components/LiveValues";
import { Hazard, OfferBadges } from "../../components/Offers";
import { Card, PageHead } from "../../components/Page";
import { Empty, ErrorBox, Loading, Notice } from "../../components/State";
import { toast, toastError } from "../../components/Toast";
import { type EditorHandle, ProblemList, YamlEditor } from "../../components/YamlEditor";
import { Conflict, useDraft } from "../../draft";
import { useList, useResource } from "../../hooks";
import { t } from "../../i18n";
import { href, navigate, setQuery } from "../../router";
import { useMay } from "../../session";
import { confirmDiscard, useUnsaved } from "../../unsaved";
import type { PageProps } from "..";
import { Names } from "../settings";
import { CopyDialog } from "./CopyDialog";

export function Profile({ params, query }: PageProps) {
    const name = params.name ?? "";
    const profile = useResource<ProfileText>(path`/profiles/${name}`);
    const list = useList<ProfileItem>("/profiles");
    const item = list.data?.find((one) => one.name === name);
    const { data, problem } = profile;
    if (problem?.status === 404)
        return (
            <>
                <PageHead title={name} />
                <Empty icon="profile" title={t("page.notFoundText")}><a class="button" href={href("/profiles")}>{t("page.profiles")}</a></Empty>
            </>
        );
    const reload = (): void => {
        profile.reload();
        list.reload();
    };
    return (
        <>
            <PageHead key={name} title={name} lead={data && <Lead item={item} writable={data.writable} />} />
            {problem && <ErrorBox problem={problem} onRetry={profile.reload} />}
            {!data && !problem && <Loading />}
            {data && data.name === name && <Editor key={name} profile={data} usedBy={item?.usedBy ?? []} names={list.data?.map((one) => one.name) ?? []} station={query.station ?? ""} reload={reload} />}
        </>
    );
}

function Lead({ item, writable }: { item: ProfileItem | undefined; writable: boolean }) {
    return (
        <>
            <Badge tone={writable ? "info" : "neutral"} icon={writable ? "edit" : "lock"}>{writable ? t("profiles.own") : t("profiles.readOnly")}</Badge>
            {item?.vendor && <span>{item.vendor}: {item.models?.join(", ")}</span>}
        </>
    );
}

interface EditorProps {
    profile: ProfileText;
    usedBy: readonly string[];
    names: readonly string[];
    station: string; // whose values are shown; "": the first
    reload: () => void;
}

function Editor({ profile, usedBy, names, station, reload }: EditorProps) {
    const { name } = profile;
    const draft = useDraft(profile, () => api.get<ProfileText>(path`/profiles/${name}`));
    const { base, text, setText, isChanged, conflict } = draft;
    const [problem, setProblem] = useState<Problem>();
    const [isCopying, copy] = useState(false);
    const editor = useRef<EditorHandle>(null);
    const isAdmin = useMay("admin"), mayCheck = useMay("operator");
    const canEdit = isAdmin && profile.writable;
    const check = useCheck<Checked & { offers?: Offers }>(mayCheck ? "/profiles/check" : null, text, { name });
    useUnsaved(isChanged);
    const problems = check.answer?.problems;
    const isGood = check.isCurrent && problems?.length === 0;

    const save = async (): Promise<void> => {
        const yes = await confirm({
            title: t("profiles.saveTitle", { name }), confirm: t("action.save"),
            text: usedBy.length === 0 ? <p>{t("profiles.noRestarts")}</p> : <><p>{t("profiles.restarts")}</p><p><strong><Names ids={usedBy} /></strong></p></>,
        });
        if (!yes) return;
        setProblem(undefined);
        try {
            await api.put(path`/profiles/${name}`, { text, etag: base.etag });
            draft.saved();
            toast(t("profiles.saved", { name }));
            reload();
        } catch (error) {
            setProblem(await draft.refused(error));
        }
    };
    const remove = async (): Promise<void> => {
        if (!(await confirm({ title: t("profiles.deleteTitle", { name }), text: <p>{t("profiles.deleteText")}</p>, confirm: t("action.delete"), danger: true }))) return;
        try {
            await api.delete(path`/profiles/${name}`);
            toast(t("profiles.deleted", { name }));
            navigate("/profiles");
        } catch (error) {
            toastError(error);
        }
    };
    const discard = async (): Promise<void> => {
        if (await confirmDiscard()) setText(base.text);
    };
    const offers = check.answer?.offers ?? profile.offers;
    return (
        <div class="split">
            <Card title={t("profiles.text")} actions={<>
                {isChanged && <Badge tone="warning">{t("editor.unsaved")}</Badge>}
                {isAdmin && <button type="button" class="button button-small" onClick={() => copy(true)}>{t("profiles.copy")}</button>}
            </>}>
                {!isAdmin && <Notice tone="info"><p>{t("profiles.viewOnly")}</p></Notice>}
                {isAdmin && !profile.writable && <Notice tone="info"><p>{t("profiles.copyText")}</p></Notice>}
                <Conflict of={draft} />
                {problem && <ErrorBox problem={problem} />}
                <YamlEditor label={`${t("profiles.text")} ${name}`} value={text} onChange={setText} problems={problems ?? []} readOnly={!canEdit} handle={editor} />
                {check.problem ? <ErrorBox problem={check.problem} />
                    : mayCheck && <ProblemList problems={problem && problems?.length === 0 ? problemsOf(problem) : problems} editor={editor} checking={!check.isCurrent} />}
                {canEdit && (
                    <div class="row">
                        <button type="button" class="button button-primary" disabled={!isChanged || !isGood || conflict !== undefined} onClick={() => void save()}>{t("action.save")}</button>
                        {isChanged && <button type="button" class="button" onClick={() => void discard()}>{t("editor.discard")}</button>}
                        <button type="button" class="button" disabled={usedBy.length > 0} aria-describedby={usedBy.length > 0 ? "profile-in-use" : undefined} onClick={() => void remove()}>{t("action.delete")}</button>
                        {usedBy.length > 0 && <span id="profile-in-use" class="muted small">{t("profiles.inUse")}</span>}
                    </div>
                )}
            </Card>
            <div class="stack">
                <Card title={t("profiles.offers")}>
                    <Hazard offers={offers} />
                    <OfferBadges offers={offers} />
                </Card>
                <LiveCard usedBy={usedBy} station={station} />
            </div>
            {isCopying && <CopyDialog name={name} text={text} taken={names} onClose={() => copy(false)} />}
        </div>
    );
}

function LiveCard({ usedBy, station }: { usedBy: readonly string[]; station: string }) {
    const chosen = usedBy.includes(station) ? station : (usedBy[0] ?? "");
    return (
        <Card title={t("profiles.live")}>
            {!chosen ? <p class="muted">{t("profiles.noStation")}</p> : (
                <div class="stack">
                    <SelectField label={t("profiles.liveOf")} value={chosen} hint={t("profiles.liveHint")} onChange={(id) => setQuery({ station: id })} options={usedBy.map((value) => ({ value, label: value }))} />
                    <StationLive key={chosen} station={chosen} />
                </div>
            )}
        </Card>
    );
}
