// One charger: what it does now, why, and all one can do with it.
import { StateBadge, Badge, shownState } from "../../components/Badge";
import { Card, PageHead } from "../../components/Page";
import { Empty, ErrorBox, Loading } from "../../components/State";
import { Tabs } from "../../components/Tabs";
import { t, tOr } from "../../i18n";
import { href, setQuery } from "../../router";
import type { PageProps } from "..";
import { Details } from "./Details";
import { Dialogue } from "./Dialogue";
import { Limits } from "./Limits";
import { type Model, useStation } from "./model";
import { Now } from "./Now";
import { Points } from "./Points";
import { StationCommands } from "./StationCommands";
import { Troubles } from "./Troubles";

export function Station({ params, query }: PageProps) {
    const id = params.id ?? "";
    const model = useStation(id);
    const { data, problem } = model.status;
    if (problem?.status === 404)
        return (
            <>
                <PageHead title={id} />
                <Empty icon="charger" title={t("page.notFoundText")}><a class="button" href={href("/")}>{t("page.home")}</a></Empty>
            </>
        );
    return (
        <>
            <PageHead title={id} lead={data && <Lead model={model} />}>
                {data && <StationCommands model={model} />}
            </PageHead>
            {problem && <ErrorBox problem={problem} onRetry={model.status.reload} />}
            {!data && !problem && <Loading />}
            {data && <Troubles model={model} />}
            {data && <Tabs label={t("station.tabs")} chosen={query.tab ?? "now"} onChoose={(tab) => setQuery({ tab: tab === "now" ? undefined : tab })} tabs={[
                { id: "now", label: t("station.tab.now"), content: () => <Now model={model} status={data} /> },
                { id: "points", label: t("station.tab.points"), content: () => <Points model={model} /> },
                { id: "limits", label: t("station.tab.limits"), content: () => <Card><Limits model={model} /></Card> },
                { id: "ocpp", label: t("station.tab.ocpp"), content: () => <Card><Dialogue model={model} /></Card> },
                { id: "details", label: t("station.tab.details"), content: () => <Details model={model} status={data} /> },
            ]} />}
        </>
    );
}

function Lead({ model }: { model: Model }) {
    const { item } = model;
    if (!item) return null;
    const isUp = item.link === "up";
    const states = [...new Set(item.evses.map(shownState))];
    return (
        <>
            {states.map((state) => <StateBadge key={state} state={state} />)}
            <Badge tone={isUp ? "ok" : "warning"} icon="csms">{t("station.link")}: {tOr("link." + item.link, item.link)}</Badge>
            {isUp && item.registration !== "Accepted" &&
                <Badge tone="warning">{t("details.registration")}: {tOr("registration." + item.registration, item.registration)}</Badge>}
            <span>{[item.vendor, item.model].filter(Boolean).join(" ")}</span>
        </>
    );
}
