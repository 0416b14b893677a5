// All device profiles: which models, what they can do, who uses them.
import type { ProfileItem } from "../../admin";
import { Badge } from "../../components/Badge";
import { CheckField, SearchField, SelectField } from "../../components/Form";
import { offersText } from "../../components/Offers";
import { Card, PageHead } from "../../components/Page";
import { Empty, Loaded } from "../../components/State";
import { type Column, Table } from "../../components/Table";
import { NONE, number } from "../../format";
import { useList, useSettled } from "../../hooks";
import { t, tn } from "../../i18n";
import { href, navigate, setQuery } from "../../router";
import type { PageProps } from "..";

export const profileHref = (name: string): string => href("/profiles/" + encodeURIComponent(name));
export const protocolName = (protocol: string): string =>
    ({ modbus: "Modbus", echonet: "ECHONET Lite", ocpp16: "OCPP 1.6" })[protocol] ?? protocol;

function columns(): Column<ProfileItem>[] {
    return [
        { id: "name", title: t("profiles.name"), sort: (one) => one.name, cell: (one) => (
            <>
                <a href={profileHref(one.name)}>{one.name}</a>
                {one.writable && <> <Badge tone="info">{t("profiles.own")}</Badge></>}
            </>
        ) },
        { id: "models", title: t("profiles.models"), sort: (one) => one.vendor, cell: (one) => one.problems
            ? <Badge tone="error" icon="error">{tn("editor.problems", one.problems.length)}</Badge>
            : <><strong>{one.vendor}</strong> <span class="muted model-names">{one.models?.join(", ")}</span></> },
        { id: "protocol", title: t("profiles.protocol"), sort: (one) => one.protocol, cell: (one) => (one.protocol ? protocolName(one.protocol) : NONE), class: "nowrap" },
        { id: "offers", title: t("profiles.offers"), cell: (one) => <span class="small">{offersText(one.offers)}</span> },
        { id: "used", title: t("profiles.usedBy"), numeric: true, sort: (one) => one.usedBy?.length ?? 0, cell: (one) => (one.usedBy?.length ? number(one.usedBy.length) : NONE) },
    ];
}

export function Profiles({ query }: PageProps) {
    const q = useSettled(query.q ?? "");
    const profiles = useList<ProfileItem>("/profiles", { q, protocol: query.protocol });
    return (
        <>
            <PageHead title={t("page.profiles")} lead={t("profiles.lead")} />
            <Card>
                <div class="toolbar" role="search">
                    <SearchField label={t("profiles.search")} value={query.q ?? ""} onChange={(text) => setQuery({ q: text || undefined })} />
                    <SelectField label={t("profiles.protocol")} hideLabel value={query.protocol ?? ""} onChange={(protocol) => setQuery({ protocol: protocol || undefined })} options={[
                        { value: "", label: t("profiles.all") }, ...["modbus", "echonet", "ocpp16"].map((value) => ({ value, label: protocolName(value) }))]} />
                    <CheckField label={t("profiles.onlyUsed")} checked={query.used === "1"} onChange={(on) => setQuery({ used: on ? "1" : undefined })} />
                </div>
                <Loaded from={profiles}>
                    {(items) => <Table caption={t("page.profiles")} columns={columns()} rows={items.filter((one) => query.used !== "1" || (one.usedBy?.length ?? 0) > 0)}
                        rowKey={(one) => one.name} onOpen={(one) => navigate("/profiles/" + encodeURIComponent(one.name))} sortedBy="name" empty={<Empty icon="profile" title={t("table.nothingFound")} />} />}
                </Loaded>
            </Card>
        </>
    );
}
