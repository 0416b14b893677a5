// Why a profile fits a device: what the gateway tells of it in short words, in the language of the pages.
import { stateName } from "../../components/Badge";
import { t } from "../../i18n";

const parts: readonly [RegExp, (found: string[]) => string][] = [
    [/^says who it is$/, () => ""], // its badge says so
    [/^(\d+) of (\d+) points$/, ([n = "", total = ""]) => t("add.why.points", { n, total })],
    [/^no state$/, () => t("add.why.noState")],
    [/^state (\w+)$/, ([state = ""]) => t("add.why.state", { state: stateName(state) })],
    [/^voltage (\S+) V$/, ([volts = ""]) => t("add.why.voltage", { volts })],
    [/^(\d+) of (\d+) EVSEs$/, ([n = "", total = ""]) => t("add.why.evses", { n, total })],
    [/^values that make no sense$/, () => t("add.why.nonsense")],
];

export function likenessText(reason: string): string {
    const words = reason.split(", ").map((part) => {
        for (const [pattern, text] of parts) {
            const found = pattern.exec(part);
            if (found) return text(found.slice(1));
        }
        return part;
    });
    return words.filter(Boolean).join(" · ");
}
