// What a charger model can do, as badges, and what to mind.
import type { Offers, OfferedEvse } from "../admin";
import { hazardText } from "../advice";
import { number, withUnit } from "../format";
import { t } from "../i18n";
import { Badge } from "./Badge";
import { Notice } from "./State";

function words(evse: OfferedEvse): string[] {
    const measures = evse.measures ?? [];
    const isDc = /CCS|CHAdeMO|GBT|MCS|ChaoJi/i.test(evse.connector ?? "") && !/cType|s3/i.test(evse.connector ?? "");
    const phases = evse.phases ?? 0;
    const limit = evse.limit;
    const unit = limit?.unit ?? "A";
    const has: [unknown, string][] = [
        [true, isDc ? t("offers.dc") : phases > 1 ? t("offers.ac3", { n: phases }) : t("offers.ac1")],
        [evse.max_current, t("offers.max", { amps: number(evse.max_current) })],
        [evse.start_stop, t("offers.startStop")],
        // In watts, too, the range is told in A per phase.
        [limit, limit ? t("offers.limit", { min: number(limit.min, 1), max: withUnit(number(limit.max, 1), "A") }) + (unit === "W" ? " (W)" : "") : ""],
        [!limit, t("offers.limitNone")],
        [limit?.switches_phases, t("offers.switchesPhases")],
        [measures.includes("energy_import"), t("offers.energy")],
        [measures.some((name) => name.startsWith("power_import")), t("offers.power")],
        [measures.includes("soc"), t("offers.soc")],
        [evse.id_token, t("offers.idToken")],
        [evse.unlock, t("offers.unlock")],
        [evse.reset, t("offers.reset")],
        [evse.fault_code, t("offers.fault")],
        [evse.display, t("offers.display")],
    ];
    return has.filter(([is]) => is).map(([, word]) => word);
}

// In one line, for lists.
export function offersText(offers: Offers | undefined): string {
    if (offers?.kind === "meter") return t("offers.meter");
    const evses = offers?.evses ?? [];
    const first = evses[0];
    if (!first) return "";
    return [...(evses.length > 1 ? [t("offers.evses", { n: evses.length })] : []), ...words(first)].join(" · ");
}

export function OfferBadges({ offers }: { offers: Offers | undefined }) {
    if (!offers) return null;
    if (offers.kind === "meter") return <Badge>{t("offers.meter")}</Badge>;
    const evses = offers.evses ?? [];
    const first = evses[0];
    if (!first) return null;
    return (
        <span class="tags">
            {evses.length > 1 && <Badge tone="info">{t("offers.evses", { n: evses.length })}</Badge>}
            {words(first).map((word) => <Badge key={word}>{word}</Badge>)}
        </span>
    );
}

export function Hazard({ offers }: { offers: Offers | undefined }) {
    if (!offers?.hazard) return null;
    return <Notice tone="warning" title={t("profiles.hazard")}><p>{hazardText(offers.hazard)}</p></Notice>;
}
