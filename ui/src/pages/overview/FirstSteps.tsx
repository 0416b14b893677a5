// A site without chargers: what to do first, for those who may; for others, that there is nothing to see yet.
import { useState } from "preact/hooks";
import type { Csms } from "../../admin";
import { Icon } from "../../components/Icon";
import { Card } from "../../components/Page";
import { Empty, Loaded } from "../../components/State";
import { useList } from "../../hooks";
import { t } from "../../i18n";
import { href } from "../../router";
import { useMay } from "../../session";
import { ConnectionDialog } from "../csms/ConnectionDialog";

export function FirstSteps() {
    const isAdmin = useMay("admin");
    if (isAdmin) return <Steps />;
    return <Card><Empty icon="charger" title={t("overview.none")}><p>{t("overview.noneViewer")}</p></Empty></Card>;
}

function Steps() {
    const csms = useList<Csms>("/csms");
    const [isAdding, add] = useState(false);
    return (
        <Card title={t("overview.first")}>
            <Loaded from={csms}>
                {(items) => {
                    const names = items.map(({ name }) => name);
                    const isDone = names.length > 0;
                    return (
                        <>
                            <ol class="first-steps">
                                <li class={isDone ? "first-done" : "first-now"}>
                                    <span class="first-mark" aria-hidden="true">{isDone ? <Icon name="ok" size={28} /> : 1}</span>
                                    <div>
                                        <h3>{t("overview.first.csms")}{isDone && <span class="visually-hidden"> {t("overview.first.doneMark")}</span>}</h3>
                                        {isDone ? <p class="muted">{t("overview.first.csmsDone", { list: names.join(", ") })}</p> : <p>{t("overview.first.csmsText")}</p>}
                                        {!isDone && <button type="button" class="button button-primary" onClick={() => add(true)}><Icon name="add" size={17} />{t("csms.add")}</button>}
                                    </div>
                                </li>
                                <li class={isDone ? "first-now" : ""}>
                                    <span class="first-mark" aria-hidden="true">2</span>
                                    <div>
                                        <h3>{t("overview.first.charger")}</h3>
                                        <p>{t("overview.first.chargerText")} {!isDone && t("overview.first.chargerHint")}</p>
                                        <a class={`button ${isDone ? "button-primary" : ""}`} href={href("/add")}><Icon name="add" size={17} />{t("overview.add")}</a>
                                    </div>
                                </li>
                            </ol>
                            {isAdding && <ConnectionDialog taken={names} onClose={() => add(false)} onDone={csms.reload} />}
                        </>
                    );
                }}
            </Loaded>
        </Card>
    );
}
