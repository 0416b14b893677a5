// Takes a station out of gateway.yaml, after asking; twice, if money hangs on it.
import { api, path } from "../../api";
import { confirm } from "../../components/Dialog";
import { toast, toastError } from "../../components/Toast";
import { asProblem } from "../../hooks";
import { t } from "../../i18n";
import { navigate } from "../../router";
import { stakeOf } from "./entry";

export async function removeStation(id: string): Promise<void> {
    const title = t("entry.removeTitle", { id });
    if (!await confirm({ title, text: <p>{t("entry.removeText")}</p>, confirm: t("entry.remove"), danger: true })) return;
    try {
        await removeOrAsk(id, title);
    } catch (error) {
        toastError(error);
    }
}

async function removeOrAsk(id: string, title: string): Promise<void> {
    try {
        await api.delete(path`/stations/${id}`);
    } catch (error) {
        const stake = stakeOf(asProblem(error));
        if (!stake) throw error;
        const text = <><p><strong>{t(`entry.stake.${stake}`)}</strong></p><p>{t(`entry.stake.${stake}.text`)}</p></>;
        if (!await confirm({ title, text, confirm: t("entry.removeAnyway"), danger: true })) return;
        await api.delete(path`/stations/${id}`, { force: true });
    }
    toast(t("entry.removed", { id }));
    navigate("/");
}
