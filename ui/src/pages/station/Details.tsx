// All that is known of the station, also what nobody needs every day.
import { useState } from "preact/hooks";
import { Icon } from "../../components/Icon";
import { Json } from "../../components/Json";
import { Card } from "../../components/Page";
import { Yaml } from "../../components/YamlEditor";
import { NONE, number } from "../../format";
import { t, tOr } from "../../i18n";
import type { StationStatus } from "../../types";
import { yamlOf } from "../../yaml";
import { EntryDialog } from "./EntryDialog";
import type { Model } from "./model";
import { removeStation } from "./remove";

interface Slot {
    url?: string;
    security_profile?: number;
}

// The slot that is in use: a list of slots, or one.
function slotOf(network: unknown): Slot {
    if (Array.isArray(network)) return (network[0] ?? {}) as Slot;
    if (network && typeof network === "object") {
        const { current } = network as { current?: unknown };
        return (current && typeof current === "object" ? current : network) as Slot;
    }
    return {};
}

export function Details({ model, status }: { model: Model; status: StationStatus }) {
    const { item } = model;
    const { config, etag = "", item: _, ...rest } = status;
    const slot = slotOf(status.network);
    const identity: [string, string | undefined][] = [
        [t("term.station"), status.id],
        [t("details.vendor"), item?.vendor],
        [t("details.model"), item?.model],
        [t("details.profile"), status.chargers?.map((charger) => charger.profile).join(", ")],
        [t("details.localTime"), (status.local_time ?? status.time)?.replace("T", " ").replace(/\.\d+/, " ")],
    ];
    const connection: [string, string | undefined][] = [
        [t("details.csms"), item?.csms ?? status.csms],
        [t("details.url"), slot.url],
        [t("details.securityProfile"), slot.security_profile === undefined ? undefined : String(slot.security_profile)],
        [t("station.link"), tOr("link." + (item?.link ?? status.link), status.link)],
        [t("details.registration"), tOr("registration." + status.registration, status.registration)],
        [t("details.messages"), number(status.messages_waiting)],
        [t("details.events"), number(status.events_waiting)],
    ];
    return (
        <div class="stack">
            <div class="columns">
                <Card title={t("details.identity")}><Facts facts={identity} /></Card>
                <Card title={t("details.connection")}><Facts facts={connection} /></Card>
            </div>
            {config !== undefined && <Entry model={model} config={config} etag={etag} />}
            <Card><details><summary>{t("details.status")}</summary><Json value={rest} /></details></Card>
        </div>
    );
}

function Facts({ facts }: { facts: [string, string | undefined][] }) {
    return <dl class="facts">{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value || NONE}</dd></div>)}</dl>;
}

// Only administrators are told it.
function Entry({ model, config, etag }: { model: Model; config: Record<string, unknown>; etag: string }) {
    const [isOpen, open] = useState(false);
    const actions = (
        <>
            <button type="button" class="button" onClick={() => open(true)}><Icon name="edit" size={17} />{t("entry.edit")}</button>
            <button type="button" class="button button-danger" onClick={() => void removeStation(model.id)}>{t("entry.remove")}</button>
        </>
    );
    return (
        <Card title={t("details.config")} actions={actions}>
            <Yaml text={yamlOf(config)} />
            {isOpen && <EntryDialog model={model} config={config} etag={etag} onClose={() => open(false)} />}
        </Card>
    );
}
