// Bundles src/ into dist/ (or the directory given): index.html, and all else under assets/ with a hash of its content in its name, so
// that browsers may keep it for ever. Nothing is fetched from anywhere.
import { build } from "esbuild";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(root, "dist");

rmSync(out, { recursive: true, force: true });
const result = await build({
    absWorkingDir: root,
    entryPoints: { app: "src/main.tsx", icon: "src/icon.svg" },
    outdir: out,
    entryNames: "assets/[name]-[hash]",
    assetNames: "assets/[name]-[hash]",
    bundle: true,
    minify: true,
    format: "esm",
    target: ["es2021"],
    charset: "utf8",
    loader: { ".svg": "copy" },
    legalComments: "none", // see licenses.txt
    metafile: true,
    logLevel: "warning",
});

const made = Object.keys(result.metafile.outputs).map((path) => "assets/" + basename(path));
const find = (pattern) => {
    const path = made.find((one) => pattern.test(one));
    if (!path) throw new Error(`nothing was made like ${pattern}`);
    return path;
};
const page = readFileSync(join(root, "src/index.html"), "utf8")
    .replace("app.js", find(/app-\w+\.js$/))
    .replace("app.css", find(/app-\w+\.css$/))
    .replace("icon.svg", find(/icon-\w+\.svg$/));
writeFileSync(join(out, "index.html"), page);

// The licences of what is bundled ask to be beside it.
const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const licenses = Object.keys(dependencies).map((name) => `${name}\n\n${readFileSync(join(root, "node_modules", name, "LICENSE"), "utf8")}`);
writeFileSync(join(out, "licenses.txt"), licenses.join("\n----\n\n"));
