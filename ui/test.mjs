// Runs tests/ in Node: bundled as the pages are, with what little of a browser they touch.
import { build } from "esbuild";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const browser = `
globalThis.window = globalThis;
globalThis.location = { hash: "" };
globalThis.addEventListener = () => {};
globalThis.matchMedia = () => ({ matches: false, addEventListener() {} });
globalThis.document = { documentElement: { dataset: {} }, addEventListener() {} };
Object.defineProperty(globalThis, "navigator", { value: { language: "en" }, configurable: true });
`;
const root = dirname(fileURLToPath(import.meta.url));
const out = mkdtempSync(join(tmpdir(), "ui-test-"));
try {
    const file = join(out, "logic.test.mjs");
    await build({
        absWorkingDir: root, entryPoints: ["tests/logic.test.ts"], outfile: file, bundle: true, platform: "node", format: "esm",
        banner: { js: browser }, loader: { ".css": "empty" }, logLevel: "warning",
    });
    process.exitCode = spawnSync(process.execPath, ["--test", file], { stdio: "inherit" }).status ?? 1;
} finally {
    rmSync(out, { recursive: true, force: true });
}
