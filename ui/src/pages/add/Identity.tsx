// Who the charger is at which CSMS, and how much its installation bears.
import { useEffect, useLayoutEffect, useMemo, useState } from "preact/hooks";
import type { Csms, ProfileItem } from "../../admin";
import { focusWrong, NumberField, PasswordField, SelectField, TextField } from "../../components/Form";
import { Icon } from "../../components/Icon";
import { copyText } from "../../components/Json";
import { Loading, Notice } from "../../components/State";
import { number } from "../../format";
import { useList } from "../../hooks";
import { t, tOr } from "../../i18n";
import { useMay } from "../../session";
import { useStations } from "../../stations";
import { ConnectionDialog } from "../csms/ConnectionDialog";
import { type Errors, errorsOfIdentity, needsPassword, nextId, randomPassword, type StepProps } from "./draft";

const plain = { autocomplete: "off", autocapitalize: "off", spellcheck: false } as const;

interface Props extends StepProps {
    refused: Errors;
    onBack: () => void;
    onNext: () => void;
}

export function Identity({ draft, change: setDraft, refused, onBack, onNext }: Props) {
    const csmses = useList<Csms>("/csms");
    const profiles = useList<ProfileItem>("/profiles");
    const stations = useStations();
    const ids = useMemo(() => new Set(stations.all?.keys() ?? []), [stations.all]);
    const [wrong, setWrong] = useState<Errors>(refused);
    // What was wrong of a field is said until it is changed.
    const change: Props["change"] = (changes) => {
        setDraft(changes);
        setWrong((now) => Object.fromEntries(Object.entries(now).filter(([name]) => !(name in changes))));
    };
    const isAdmin = useMay("admin");
    const [isAdding, addCsms] = useState(false);
    const list = csmses.data ?? [];
    const csms = list.find((one) => one.name === draft.csms);
    const most = profiles.data?.find((one) => one.name === draft.profile)?.offers?.evses?.[0]?.max_current;
    // What is likely right is there as soon as there is a field: later it would fall between what a person types.
    const isReady = stations.all !== undefined || stations.problem !== undefined;
    useLayoutEffect(() => {
        if (!draft.id && stations.all) change({ id: nextId(stations.all.keys()) });
    }, [isReady]);
    useEffect(() => {
        const busiest = [...list].sort((a, b) => b.stations - a.stations)[0];
        if (!csms && busiest) change({ csms: busiest.name });
    }, [csmses.data]);
    const submit = (event: Event): void => {
        event.preventDefault();
        const found = errorsOfIdentity(draft, csms, ids);
        setWrong(found);
        focusWrong(event);
        if (Object.keys(found).length === 0) onNext();
        else if (Object.keys(found).length === 1 && found.csms && list.length === 0 && isAdmin) addCsms(true); // there is no other way on
    };
    const newCsms = isAdmin && <button type="button" class="button button-small" onClick={() => addCsms(true)}><Icon name="add" size={15} />{t("add.newCsms")}</button>;
    if (!isReady) return <Loading />;
    return (
        <>
            <form class="form narrow-form" noValidate onSubmit={submit}>
                <TextField label={t("add.id")} hint={t("add.idHint")} value={draft.id} onChange={(id) => change({ id })} error={wrong.id} input={{ ...plain, maxLength: 48 }} />
                {csmses.data && list.length === 0
                    ? <Notice tone="warning"><p>{t(isAdmin ? "add.noCsms" : "add.noCsmsOther")}</p>{newCsms}</Notice>
                    : <div><SelectField label={t("add.csms")} value={draft.csms} onChange={(name) => change({ csms: name })} error={wrong.csms}
                        hint={csms && `${csms.url} · ${tOr("csms.security." + csms.securityProfile, "")}`} options={list.map(({ name }) => ({ value: name, label: name }))} /><div class="row under-field">{newCsms}</div></div>}
                {needsPassword(csms) && (
                    <div>
                        <PasswordField label={t("add.password")} hint={t("add.passwordHint")} value={draft.password} onChange={(password) => change({ password })} error={wrong.password} input={{ autocomplete: "new-password", maxLength: 40 }} />
                        <div class="row under-field">
                            <button type="button" class="button button-small" onClick={() => change({ password: randomPassword() })}>{t("add.generate")}</button>
                            {draft.password && <button type="button" class="button button-small" onClick={() => void copyText(draft.password)}><Icon name="copy" size={15} />{t("action.copy")}</button>}
                        </div>
                    </div>
                )}
                {csms?.securityProfile === 3 && (
                    <>
                        <TextField label={t("add.certificateFile")} hint={t("add.fileHint")} value={draft.certificateFile} onChange={(certificateFile) => change({ certificateFile })} error={wrong.certificateFile} input={plain} />
                        <TextField label={t("add.keyFile")} hint={t("add.keyFileHint")} value={draft.keyFile} onChange={(keyFile) => change({ keyFile })} error={wrong.keyFile} input={plain} />
                    </>
                )}
                <NumberField label={t("add.maxCurrent")} optional unit="A" value={draft.maxCurrent} onChange={(maxCurrent) => change({ maxCurrent })} error={wrong.maxCurrent}
                    hint={`${t("add.maxCurrentHint")}${most ? " " + t("add.modelMax", { amps: number(most) }) : ""}`} />
                <div class="row step-buttons">
                    <button type="button" class="button" onClick={onBack}>{t("add.back")}</button>
                    <button type="submit" class="button button-primary">{t("add.next")}</button>
                </div>
            </form>
            {isAdding && <ConnectionDialog taken={list.map(({ name }) => name)} onClose={() => addCsms(false)} onDone={(name) => { change({ csms: name }); csmses.reload(); }} />}
        </>
    );
}
