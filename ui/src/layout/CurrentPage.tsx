// The page of the address, if the user may see it.
import { Empty } from "../components/State";
import { PageHead } from "../components/Page";
import { t, tOr } from "../i18n";
import { pages } from "../pages";
import { href, location, match } from "../router";
import { useMay } from "../session";
import { useStore } from "../store";
import type { PageEntry } from "../pages";

export function findPage(path: string): { entry: PageEntry; params: Record<string, string> } | null {
    for (const entry of pages) {
        const params = match(entry.path, path);
        if (params) return { entry, params };
    }
    return null;
}

export function CurrentPage() {
    const { path, query } = useStore(location);
    const found = findPage(path);
    if (!found) return <Stop title={t("page.notFound")} text={t("page.notFoundText")} />;
    return <Guarded key={found.entry.path + JSON.stringify(found.params)} entry={found.entry} params={found.params} query={query} />;
}

function Guarded({ entry, params, query }: { entry: PageEntry; params: Record<string, string>; query: Record<string, string> }) {
    const allowed = useMay(entry.role);
    if (!allowed) return <Stop title={t("page.forbidden")} text={t("page.forbiddenText", { role: tOr("role." + entry.role, entry.role) })} />;
    const Component = entry.component;
    return <Component params={params} query={query} />;
}

function Stop({ title, text }: { title: string; text: string }) {
    return (
        <>
            <PageHead title={title} />
            <Empty title={text}><a class="button" href={href("/")}>{t("page.home")}</a></Empty>
        </>
    );
}
