// Starts the UI: who is here decides what is drawn.
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { ConfirmHost } from "./components/Dialog";
import { LiveRegion } from "./components/LiveRegion";
import { Toasts } from "./components/Toast";
import { Loading } from "./components/State";
import { t, useLanguage } from "./i18n";
import { Layout } from "./layout/Layout";
import { CurrentPage } from "./layout/CurrentPage";
import { Login, NoGateway, Setup } from "./layout/Entrance";
import { loadSession, session } from "./session";
import { useStore } from "./store";
import "./theme";
import "./styles/index.css";

function App() {
    const now = useStore(session);
    useLanguage(); // another one draws everything anew, and nobody loses what stands in a field, or the place of the focus
    useEffect(() => void loadSession(), []);
    return (
        <>
            {now.kind === "loading" && <Loading />}
            {now.kind === "down" && <NoGateway />}
            {now.kind === "setup" && <Setup />}
            {now.kind === "login" && <Login expired={now.expired} />}
            {now.kind === "in" && <Layout><CurrentPage /></Layout>}
            <ConfirmHost />
            <Toasts />
            <LiveRegion />
        </>
    );
}

document.title = t("app.name");
const root = document.getElementById("app");
if (root) render(<App />, root);
