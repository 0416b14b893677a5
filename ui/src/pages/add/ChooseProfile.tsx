// Which model it is: found by the search, or chosen from all profiles of this protocol.
import { useState } from "preact/hooks";
import type { ProfileItem } from "../../admin";
import { Choice, Field, SearchField, TextField } from "../../components/Form";
import { Hazard, OfferBadges, offersText } from "../../components/Offers";
import { Empty, Loaded } from "../../components/State";
import { useList, useSettled } from "../../hooks";
import { t } from "../../i18n";
import { profileHref } from "../profiles/index";
import { type Errors, errorsOfDevice, protocolOf, type StepProps } from "./draft";

const SHOWN = 40; // more are found by searching
const plain = { autocomplete: "off", spellcheck: false } as const;

interface Props extends StepProps {
    onBack: () => void;
    onNext: () => void;
}

export function ChooseProfile({ draft, change, onBack, onNext }: Props) {
    const profiles = useList<ProfileItem>("/profiles", { protocol: protocolOf[draft.way] });
    const [q, setQ] = useState("");
    const [wrong, setWrong] = useState<Errors>({});
    const words = useSettled(q).toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (one: ProfileItem): boolean => {
        const text = [one.name, one.vendor, ...(one.models ?? [])].join(" ").toLowerCase();
        return one.offers?.kind !== "meter" && words.every((word) => text.includes(word));
    };
    const next = (event: Event): void => {
        event.preventDefault();
        const found = errorsOfDevice(draft);
        setWrong(found);
        if (Object.keys(found).length === 0) return onNext();
        const form = event.currentTarget as HTMLElement;
        window.setTimeout(() => form.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
    };
    return (
        <form class="form" noValidate onSubmit={next}>
            <Loaded from={profiles}>
                {(profiles) => {
                    const chosen = profiles.find((one) => one.name === draft.profile);
                    const found = profiles.filter(fits);
                    return (
                        <>
                            {chosen && <Chosen profile={chosen} />}
                            <SearchField label={t("add.searchModel")} value={q} onChange={setQ} />
                            <Field label={t("add.models")} hideLabel error={wrong.profile}>
                                {(tied) => (
                                    <div {...tied} role="radiogroup" aria-label={t("add.models")} class="models" tabIndex={wrong.profile ? -1 : undefined}>
                                        {found.length === 0 && <Empty icon="profile" title={t("table.nothingFound")} />}
                                        {found.slice(0, SHOWN).map((one) => (
                                            <label key={one.name} class={one.name === draft.profile ? "chosen" : ""}>
                                                <input type="radio" name="profile" value={one.name} checked={one.name === draft.profile} onChange={() => { change({ profile: one.name }); setWrong({}); }} />
                                                <span><strong>{one.vendor}</strong> {one.models?.join(", ")}<span class="muted small"> {one.name}<br />{offersText(one.offers)}</span></span>
                                            </label>
                                        ))}
                                        {found.length > SHOWN && <p class="muted small">{t("add.moreModels", { n: found.length - SHOWN })}</p>}
                                    </div>
                                )}
                            </Field>
                        </>
                    );
                }}
            </Loaded>
            {protocolOf[draft.way] === "modbus" && <TextField label={t("add.unit")} optional hint={t("add.unitHint")} value={draft.unit} onChange={(unit) => change({ unit })} error={wrong.unit} input={plain} />}
            {draft.way === "echonet" && (
                <>
                    <TextField label={t("add.instance")} hint={t("add.instanceHint")} value={draft.instance} onChange={(instance) => change({ instance })} error={wrong.instance} input={plain} />
                    {draft.nodeId && (
                        <div class="field">
                            <span class="field-label">{t("add.foundBy")}</span>
                            <Choice label={t("add.foundBy")} value={draft.byNodeId ? "id" : "address"} onChange={(value) => change({ byNodeId: value === "id" })}
                                options={[{ value: "id", label: t("add.byId") }, { value: "address", label: t("add.byAddress", { address: draft.host }) }]} />
                            <p class="field-hint">{t("add.foundByHint")}</p>
                        </div>
                    )}
                </>
            )}
            <div class="row step-buttons">
                <button type="button" class="button" onClick={onBack}>{t("add.back")}</button>
                <button type="submit" class="button button-primary">{t("add.next")}</button>
            </div>
        </form>
    );
}

function Chosen({ profile }: { profile: ProfileItem }) {
    return (
        <section class="chosen-profile" aria-label={t("add.chosen")}>
            <h3>{profile.vendor} {profile.models?.join(", ")} <a class="small" href={profileHref(profile.name)} target="_blank" rel="noopener">{profile.name}</a></h3>
            <OfferBadges offers={profile.offers} />
            <Hazard offers={profile.offers} />
        </section>
    );
}
