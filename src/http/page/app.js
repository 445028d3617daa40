// The shell: which view is shown, what is told above and below it, and when it is asked for again.

import { el, fill, when } from "./dom.js";
import { findings, plans } from "./lists.js";
import { overview } from "./overview.js";
import { run, why } from "./run.js";
import { get, link, listen, onNews, post } from "./server.js";
import { chart, series, signals } from "./signals.js";
import { me } from "./verbs.js";

const VIEWS = [["Overview", "#/"], ["Signals", "#/signals"], ["Findings", "#/findings"], ["Plans", "#/plans"]];
const ROUTES = [
    [/^\/$/, overview],
    [/^\/run\/([^/]+)$/, run],
    [/^\/run\/([^/]+)\/why\/([^/]+)$/, why],
    [/^\/signals$/, signals],
    [/^\/signal\/([^/]+)$/, series],
    [/^\/signal\/([^/]+)\/chart$/, chart],
    [/^\/findings$/, findings],
    [/^\/plans$/, plans],
];
const AGAIN = 1000;
const LOG = 12;

const [main, log] = [document.getElementById("main"), document.getElementById("log")];
let [shownAt, asked, due] = [Date.now(), 0, null];

function route() {
    const [place, query] = (location.hash.slice(1) || "/").split("?");
    for (const [pattern, view] of ROUTES) {
        const match = pattern.exec(place);
        if (match) return { place, go: () => view(...match.slice(1).map(decodeURIComponent), new URLSearchParams(query ?? "")) };
    }
    return { place, go: async () => ({ title: "nothing here", view: [el("h1", {}, "There is nothing here")] }) };
}

/** Asks for the view and shows it; one that comes late is not shown any more. */
async function show(moves) {
    const [mine, { place, go }] = [++asked, route()];
    try {
        const { title, view, frozen, shown } = await go();
        if (mine !== asked) return;
        // a picture that somebody looks at is not drawn anew under their eyes
        fill(main, ...view);
        document.title = `${title} – Quietgate`;
        shown?.();
        shownAt = Date.now();
        if (frozen !== undefined) tellFrozen(frozen);
    } catch (error) {
        if (mine === asked && (moves || main.querySelector(".quiet"))) fill(main, el("p", { class: "card bad", role: "alert" }, error.message));
    }
    if (moves) {
        document.querySelectorAll("#nav a").forEach((a) => {
            const own = a.getAttribute("href").slice(1);
            const here = own === place || (own !== "/" && place.startsWith(own.replace(/s$/, "")));
            a.toggleAttribute("aria-current", here);
        });
    }
}

function again() {
    if (due || document.querySelector("dialog[open]")) return;
    due = setTimeout(() => {
        due = null;
        if (!/\/chart/.test(location.hash)) show(false);
    }, AGAIN / 4);
}

function tellFrozen(word) {
    const banner = document.getElementById("frozen");
    banner.hidden = !word;
    if (word) fill(banner, `Everything is frozen by ${word.who}: ${word.reason}. No batch starts.`);
}

function tellLost() {
    const banner = document.getElementById("lost");
    banner.hidden = link.alive || link.since === null;
    document.body.classList.toggle("stale", !banner.hidden);
    if (banner.hidden) return;
    fill(banner, "Connection lost since ", when(new Date(link.since).toISOString()), ". What is shown is from ",
        when(new Date(shownAt).toISOString()), ", and may be otherwise by now.");
    main.querySelectorAll("button").forEach((button) => { button.disabled = true; });
}

function tellEvent({ severity, timestamp, summary, data }) {
    // the sentence of a run's own beginning and end names it already
    const named = !data.run || summary.includes(data.run);
    const run = named ? null : [el("a", { href: `#/run/${encodeURIComponent(data.run)}` }, data.run), " "];
    log.prepend(el("li", { class: severity }, when(timestamp), " ", run, summary));
    while (log.children.length > LOG) log.lastChild.remove();
}

onNews(({ kind, data }) => {
    tellLost();
    if (kind === "event") tellEvent(data);
    if (kind === "event" || kind === "changed") again();
});

async function begin() {
    fill(document.getElementById("nav"), VIEWS.map(([name, href]) => el("a", { href }, name)));
    Object.assign(me, await get("me"));
    fill(document.getElementById("who"), el("span", { title: `may ${me.scope}` }, me.token), el("button", {
        onclick: async () => {
            await post("sign-out", {});
            location.reload();
        },
    }, "Sign out"));
    const status = await get("status");
    listen(Math.max(0, status.journal.seq - LOG));
    await show(true);
}

addEventListener("hashchange", () => show(true).then(() => main.focus({ preventScroll: true })));
document.addEventListener("again", () => show(false));
begin().catch((error) => fill(main, el("p", { class: "card bad", role: "alert" }, error.message)));
