// Every page in every dress: light and dark, English and Japanese, desktop and phone. axe-core finds nothing, nothing is wider than the screen,
// the console stays empty, and a picture is kept of each.
import assert from "node:assert/strict";
import { test } from "node:test";
import { axe, browser, close, DESKTOP, go, isJapanese, isNarrow, PHONE, screenshot, signedIn, site, stand, until } from "./support.mjs";

// Name, address, and what shows that all of it is there.
const PAGES = [
    ["overview", "/", ".tile-active"],
    ["station", "/stations/CS-TCP-1", ".transaction"],
    ["station-points", "/stations/CS-TCP-1?tab=points", "tbody tr"],
    ["station-limits", "/stations/CS-TCP-1?tab=limits", "tbody tr"],
    ["station-dialogue", "/stations/CS-TCP-1?tab=ocpp", ".entry"],
    ["station-details", "/stations/CS-TCP-1?tab=details", ".facts"],
    ["station-faulted", "/stations/CS-TCP-2", ".station-troubles"],
    ["log", "/log", ".entry"],
    ["transactions", "/transactions", "tbody tr"],
    ["add", "/add", ".ways"],
    ["profiles", "/profiles", "tbody tr"],
    ["profile", "/profiles/site-ac22", ".live-points tbody tr"],
    ["csms", "/csms", "tbody tr"],
    ["users", "/users", "tbody tr"],
    ["audit", "/audit", "tbody tr"],
    ["settings", "/settings", ".editor-problems .text-ok"],
];
// Of these a picture is kept.
const KEPT = ["en-desktop-light", "en-phone-dark", "ja-desktop-light", "ja-phone-light"];

stand({
    prepare: async () => {
        await site.sim("plug tcp1 soc=20 capacity=60kWh max=16");
        await site.sim("tap tcp1 04A1B2C3D4E5F6");
        await site.sim("fault tcp2 7");
        await until("tcp1 charges", async () => (await site.show("tcp1")).energy > 5);
    },
});

const COLORS = ["color-contrast"]; // all that is another in the dark

for (const language of ["en", "ja"])
    for (const [size, viewport] of [["desktop", DESKTOP], ["phone", PHONE]])
        for (const theme of ["light", "dark"])
            test(`all pages, ${language}, ${size}, ${theme}`, async () => {
                const dress = `${language}-${size}-${theme}`;
                const page = await browser.page({ signedIn, language, viewport, theme, hasTouch: size === "phone" });
                for (const [name, path, sign] of PAGES) {
                    await go(page, path);
                    await page.locator(sign).first().waitFor();
                    await isNarrow(page, `${name}, ${dress}`);
                    if (language === "ja") await isJapanese(page, `${name}, ${dress}`);
                    await axe(page, `${name}, ${dress}`, theme === "dark" ? COLORS : undefined);
                    if (KEPT.includes(dress)) await screenshot(page, `${name}-${dress}`);
                }
                await close(page);
            });

// WCAG 2: what is read on a ground, also on those that are there for a moment only.
const luminance = (color) => {
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16) / 255).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const contrast = (...colors) => {
    const [light, dark] = colors.map(luminance).sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
};
const INKS = ["text", "text-muted", "accent", "accent-strong", "ok", "active", "info", "warning", "error"];
const GROUNDS = ["ground", "surface", "surface-2", "surface-3", "changed"];

for (const theme of ["light", "dark"])
    test(`all that is written can be read on every ground, ${theme}`, async () => {
        const page = await browser.page({ signedIn, theme });
        await go(page, "/");
        const colors = await page.evaluate((names) => {
            const style = getComputedStyle(document.documentElement);
            return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
        }, [...INKS, ...GROUNDS]);
        for (const ink of INKS)
            for (const ground of GROUNDS)
                assert.ok(contrast(colors[ink], colors[ground]) >= 4.5, `${ink} ${colors[ink]} on ${ground} ${colors[ground]}: ${contrast(colors[ink], colors[ground])}`);
        await close(page);
    });
