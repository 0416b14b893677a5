// Puts an OCPP request to a station as its CSMS would, and tells how it was answered.
import { api, path, Problem } from "../../api";
import { toast, toastError } from "../../components/Toast";
import { t, tOr } from "../../i18n";
import type { Model } from "./model";

interface Answer {
    result: { status?: string; statusInfo?: { reasonCode?: string; additionalInfo?: string } };
}
const DONE = new Set(["Accepted", "Unlocked"]);

export async function request(model: Model, command: string, action: string, payload: object): Promise<boolean> {
    try {
        const { result } = await api.post<Answer>(path`/stations/${model.id}/requests`, { action, payload });
        const status = result?.status ?? "Accepted";
        model.refresh();
        if (DONE.has(status)) toast(t("command.done", { command }));
        else if (status === "Scheduled") toast(t("command.scheduled", { command }), "info");
        else {
            const reason = [result.statusInfo?.reasonCode, result.statusInfo?.additionalInfo].filter(Boolean).join(": ");
            toast(t("command.refused", { command, status: tOr("result." + status, status), reason }), "error");
            return false;
        }
        return true;
    } catch (error) {
        const code = error instanceof Problem && typeof error.more.code === "string" ? error.more.code : "";
        if (code && error instanceof Problem) toast(t("command.refused", { command, status: tOr("result." + code, code), reason: error.detail }), "error");
        else toastError(error);
        return false;
    }
}

// The CSMS's own numbers are small; these are not.
export const remoteStartId = (): number => 1_000_000_000 + Math.floor(Math.random() * 1_000_000_000);
