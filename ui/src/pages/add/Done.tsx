// Saved: now it has to come online, at the device and at the CSMS, and one sees that here.
import { useEffect } from "preact/hooks";
import { linkAdvice } from "../../advice";
import { path } from "../../api";
import { announce } from "../../announce";
import { Icon } from "../../components/Icon";
import { Notice } from "../../components/State";
import { useResource, useStream } from "../../hooks";
import { t } from "../../i18n";
import { stationHref } from "../../router";
import type { StationStatus } from "../../types";
import { CentralSystem } from "./Where";

const POLL_MS = 3000;

interface Props {
    id: string;
    centralSystem: string; // that is set in the charger; "": it does not connect by itself
    onAnother: () => void;
}

export function Done({ id, centralSystem, onAnother }: Props) {
    const status = useResource<StationStatus>(path`/stations/${id}`, {}, POLL_MS);
    useStream({ types: ["station"], station: id }, status.reload, status.reload);
    const item = status.data?.item;
    const isAnswering = item !== undefined && item.evses.length > 0 && item.evses.every((evse) => evse.online);
    const isUp = item?.link === "up";
    const isAccepted = isUp && item.registration === "Accepted";
    const isOnline = isAnswering && isAccepted;
    useEffect(() => {
        if (isOnline) announce(t("add.online", { id }));
    }, [isOnline]);
    const advice = item?.linkError && !isUp ? linkAdvice(item.linkError) : undefined;
    const rows: [boolean, string][] = [
        [true, t("add.done.saved")],
        [isAnswering, t(isAnswering ? "add.done.answers" : "add.done.answersWait")],
        [isUp, t(isUp ? "add.done.link" : "add.done.linkWait")],
        [isAccepted, t(isAccepted ? "add.done.accepted" : "add.done.acceptedWait")],
    ];
    return (
        <div class="stack">
            {isOnline && <Notice tone="ok" title={t("add.online", { id })} />}
            <ul class="test-checks">
                {rows.map(([is, text]) => (
                    <li key={text} class={`check check-${is ? "ok" : "wait"}`}>
                        {is ? <Icon name="ok" /> : <span class="spinner" aria-hidden="true" />}
                        <span><span class="visually-hidden">{t(is ? "add.check.ok" : "add.check.wait")}: </span>{text}</span>
                    </li>
                ))}
            </ul>
            {centralSystem && !isAnswering && <CentralSystem url={centralSystem} />}
            {advice && (
                <Notice tone="warning" title={advice.title}>
                    <p>{advice.why}</p>
                    <p class="small"><code>{item?.linkError}</code></p>
                    <ol class="advice-list">{advice.mend.map((step) => <li key={step}>{step}</li>)}</ol>
                </Notice>
            )}
            <div class="row step-buttons">
                <button type="button" class="button" onClick={onAnother}><Icon name="add" size={18} />{t("add.another")}</button>
                <a class="button button-primary" href={stationHref(id)}>{t("add.open")}</a>
            </div>
        </div>
    );
}
