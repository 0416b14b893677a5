// The web server's own certificate and key: pasted, or from files.
import { useState } from "preact/hooks";
import { api, type Problem } from "../../api";
import { Dialog } from "../../components/Dialog";
import { focusWrong, TextArea } from "../../components/Form";
import { ErrorBox } from "../../components/State";
import { toast } from "../../components/Toast";
import { asProblem } from "../../hooks";
import { t } from "../../i18n";

const MOST = 256 * 1024; // characters; a chain has a few thousand

function checkKey(text: string): string | undefined {
    if (/ENCRYPTED/.test(text)) return t("certs.encrypted");
    return /-----BEGIN ([A-Z]+ )?PRIVATE KEY-----/.test(text) ? undefined : t("certs.notKey");
}

export function CertificateDialog({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
    const [cert, setCert] = useState("");
    const [key, setKey] = useState("");
    const [tried, setTried] = useState(false);
    const [busy, setBusy] = useState(false);
    const [problem, setProblem] = useState<Problem>();
    const wrongCert = /-----BEGIN CERTIFICATE-----/.test(cert) ? undefined : t("certs.notCert");
    const wrongKey = checkKey(key);
    const submit = async (event: Event): Promise<void> => {
        event.preventDefault();
        setTried(true);
        focusWrong(event);
        if (wrongCert || wrongKey || busy) return;
        setBusy(true);
        setProblem(undefined);
        try {
            await api.put("/certificates/management", { cert: cert.trim() + "\n", key: key.trim() + "\n" });
            toast(t("certs.done"));
            onDone();
            onClose();
        } catch (error) {
            setProblem(asProblem(error));
            setBusy(false);
        }
    };
    return (
        <Dialog title={t("certs.replaceTitle")} wide onClose={onClose}>
            <form onSubmit={(event) => void submit(event)} noValidate>
                <div class="dialog-body">
                    <p class="muted">{t("certs.replaceText")}</p>
                    <TextArea label={t("certs.cert")} rows={5} value={cert} onChange={setCert} error={tried ? wrongCert : undefined} />
                    <FileChoice label={t("certs.cert")} onText={setCert} />
                    <TextArea label={t("certs.key")} rows={5} value={key} onChange={setKey} hint={t("certs.keyHint")} error={tried ? wrongKey : undefined} />
                    <FileChoice label={t("certs.key")} onText={setKey} />
                    {problem && <ErrorBox problem={problem} />}
                </div>
                <footer class="dialog-foot">
                    <button type="button" class="button" onClick={onClose}>{t("action.cancel")}</button>
                    <button type="submit" class="button button-primary" disabled={busy}>{t("action.save")}</button>
                </footer>
            </form>
        </Dialog>
    );
}

function FileChoice({ label, onText }: { label: string; onText: (text: string) => void }) {
    const read = (input: HTMLInputElement): void => {
        const file = input.files?.[0];
        if (file && file.size <= MOST) void file.text().then(onText);
        input.value = "";
    };
    return <input type="file" aria-label={`${t("certs.file")}: ${label}`} accept=".pem,.crt,.cer,.key" onChange={(event) => read(event.currentTarget)} />;
}
