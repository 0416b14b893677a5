// Checks a text as it is typed: the last answer, and whether it is of the text as it is now.
import { useEffect, useState } from "preact/hooks";
import { api, type Problem } from "./api";
import { asProblem, useSettled } from "./hooks";

export interface Check<T> {
    answer: T | undefined;
    isCurrent: boolean;
    problem: Problem | undefined;
}

// `extra`: what is sent beside the text; `version`: anything whose change asks anew. `path` null: nothing is asked.
export function useCheck<T>(path: string | null, text: string, extra: Record<string, string> = {}, version: unknown = "", settleMs = 500): Check<T> {
    const settled = useSettled(text, settleMs);
    const [answer, setAnswer] = useState<{ text: string; body: T }>();
    const [problem, setProblem] = useState<Problem>();
    const key = JSON.stringify(extra);
    useEffect(() => {
        if (path === null) return;
        let isGone = false;
        setProblem(undefined);
        api.post<T>(path, { ...extra, text: settled })
            .then((body) => {
                if (!isGone) setAnswer({ text: settled, body });
            })
            .catch((error: unknown) => {
                if (!isGone) setProblem(asProblem(error));
            });
        return () => {
            isGone = true;
        };
    }, [path, settled, key, version]);
    return { answer: answer?.body, isCurrent: answer?.text === text, problem };
}
