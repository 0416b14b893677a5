// A text that is edited while others may change it, too: what it was made of, and what to do when that is another one meanwhile.
import { useEffect, useState } from "preact/hooks";
import type { Problem } from "./api";
import { Notice } from "./components/State";
import { asProblem } from "./hooks";
import { t } from "./i18n";

export interface Version {
    text: string;
    etag: string; // by which the gateway knows it
}

export interface Draft<T extends Version> {
    base: T; // what the text was made of
    text: string;
    setText: (text: string) => void;
    isChanged: boolean;
    conflict: T | undefined; // what someone else made of it
    settle: (keep: boolean) => void; // keep one's own text, or take theirs
    saved: () => void; // the text is the file now
    refused: (error: unknown) => Promise<Problem | undefined>; // why it was not saved; undefined: for the conflict that is shown now
}

// `now`: as it was read last; `read`: reads it anew.
export function useDraft<T extends Version>(now: T, read: () => Promise<T>): Draft<T> {
    const [base, setBase] = useState(now);
    const [text, setText] = useState(now.text);
    const [conflict, setConflict] = useState<T>();
    const isChanged = text !== base.text;
    const take = (version: T): void => {
        setBase(version);
        setText(version.text);
    };
    // It was read anew: what nobody changed here follows it.
    useEffect(() => {
        if (now.text === base.text) setBase(now); // as it was saved here; who types on has no conflict
        else if (isChanged) setConflict(now);
        else take(now);
    }, [now.etag]);
    const settle = (keep: boolean): void => {
        if (!conflict) return;
        if (keep) setBase(conflict);
        else take(conflict);
        setConflict(undefined);
    };
    // 409 says also that a change is under way, or that the station is busy.
    const refused = async (error: unknown): Promise<Problem | undefined> => {
        const problem = asProblem(error);
        if (problem.status !== 409) return problem;
        try {
            const theirs = await read();
            if (theirs.etag === base.etag) return problem;
            setConflict(theirs);
            return undefined;
        } catch (failure) {
            return asProblem(failure);
        }
    };
    return { base, text, setText, isChanged, conflict, settle, refused, saved: () => setBase({ ...base, text }) };
}

export function Conflict({ of }: { of: Pick<Draft<Version>, "conflict" | "settle"> }) {
    if (!of.conflict) return null;
    return (
        <div role="alert">
            <Notice tone="warning" title={t("conflict.title")}>
                <p>{t("conflict.text")}</p>
                <div class="row">
                    <button type="button" class="button" onClick={() => of.settle(true)}>{t("conflict.keepMine")}</button>
                    <button type="button" class="button" onClick={() => of.settle(false)}>{t("conflict.takeTheirs")}</button>
                </div>
            </Notice>
        </div>
    );
}
