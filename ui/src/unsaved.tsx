// Text that is not saved yet: nobody loses it unasked, by a link, by signing out, or by closing the page.
import { useEffect } from "preact/hooks";
import { confirm } from "./components/Dialog";
import { t } from "./i18n";
import { setLeaveHandler } from "./router";

let texts = 0; // that are on the page and not saved

export const confirmDiscard = (): Promise<boolean> =>
    confirm({ title: t("editor.discardTitle"), text: <p>{t("editor.discardText")}</p>, confirm: t("editor.discard"), danger: true });

// Whether what is on the page may go.
export const mayLeave = (): Promise<boolean> | true => texts === 0 || confirmDiscard();
setLeaveHandler(mayLeave);

const onUnload = (event: BeforeUnloadEvent): void => event.preventDefault();

export function useUnsaved(isUnsaved: boolean): void {
    useEffect(() => {
        if (!isUnsaved) return;
        if (texts++ === 0) window.addEventListener("beforeunload", onUnload);
        return () => {
            if (--texts === 0) window.removeEventListener("beforeunload", onUnload);
        };
    }, [isUnsaved]);
}
