// What is watched: signals, their series, and a stretch of one with what was expected of it.

import uPlot from "./uplot.js";
import { el, state, table, when } from "./dom.js";
import { signals as listed } from "./overview.js";
import { get } from "./server.js";

const RANGES = { "1 h": 3600e3, "6 h": 6 * 3600e3, "1 d": 86400e3, "7 d": 7 * 86400e3 };

/** The view of all signals. */
export async function signals() {
    const all = await get("signals?limit=1000");
    return { title: "signals", view: [el("h1", {}, "Signals"), listed(all.items)] };
}

/** The view of the series of a signal. */
export async function series(name, query) {
    const finding = query.get("finding") ?? "";
    const cursor = query.get("cursor") ?? "0";
    const filter = finding ? `&finding=${encodeURIComponent(finding)}` : "";
    const page = await get(`signals/${encodeURIComponent(name)}/series?limit=100&cursor=${cursor}${filter}`);
    const here = `#/signal/${encodeURIComponent(name)}`;
    const words = ["", "anomalous", "unknown", "suspect", "clean"];
    return {
        title: name,
        view: [
            el("p", { class: "crumb" }, el("a", { href: "#/signals" }, "Signals")), el("h1", {}, name),
            el("div", { class: "row", role: "group", "aria-label": "Which" }, words.map((word) => el("a", {
                class: "pill", href: word ? `${here}?finding=${word}` : here, "data-key": word, "aria-current": word === finding ? "true" : null,
            }, word || "all"))),
            table(["series", "now", "since", "newest", "value"], page.items.map((one) => [
                el("a", { href: `${here}/chart?series=${encodeURIComponent(JSON.stringify(one.labels))}`, "data-key": one.name }, one.name),
                [state(one.finding), one.reason ? ` (${one.reason})` : ""],
                one.since ? when(one.since) : "", one.newest ? when(one.newest.at) : "never",
                one.newest ? String(one.newest.value ?? "none") : "",
            ]), "no such series"),
            page.next ? el("a", { class: "pill", href: `${here}?cursor=${page.next}&finding=${finding}` }, "more") : null,
        ],
    };
}

/** The view of a stretch of one series. */
export async function chart(name, query) {
    const labels = query.get("series") ?? "{}";
    const range = query.get("range") ?? "1 h";
    const until = Date.now();
    const from = until - (RANGES[range] ?? RANGES["1 h"]);
    const base = `#/signal/${encodeURIComponent(name)}/chart?series=${encodeURIComponent(labels)}`;
    const data = await get(`signals/${encodeURIComponent(name)}/samples?series=${encodeURIComponent(labels)}&from=${from}&until=${until}`);
    const starts = await startsOf(from);
    // drawn into, so never what another one was
    const place = el("div", { class: "chart", "data-key": `${labels} ${until}` });
    const words = Object.entries(JSON.parse(labels)).map(([label, value]) => `${label}="${value}"`).join(", ");
    return {
        title: `${name}{${words}}`,
        view: [
            el("p", { class: "crumb" }, el("a", { href: `#/signal/${encodeURIComponent(name)}` }, name)),
            el("h1", {}, words ? `${name}{${words}}` : name),
            el("div", { class: "row", role: "group", "aria-label": "How much" }, Object.keys(RANGES).map((word) => el("a", {
                class: "pill", href: `${base}&range=${encodeURIComponent(word)}`, "aria-current": word === range ? "true" : null,
            }, word))),
            el("p", { class: "legend" }, "line: measured; band: expected; ✗: anomalous; grey: unknown; upright: a batch started"),
            data.judged ? null : el("p", { class: "quiet" }, "of so many series the past is not read for the band"),
            place,
            el("details", { "data-key": "table" }, el("summary", {}, "The newest 20 as a table"), newest(data)),
        ],
        shown: () => draw(place, data, starts),
    };
}

async function startsOf(from) {
    const open = await get("runs?state=open&limit=20");
    const all = await Promise.all(open.items.map((run) => get(`runs/${encodeURIComponent(run.run)}/starts?limit=1000`)));
    return all.flatMap((page) => page.items).map((start) => ({ at: Date.parse(start.at), words: `${start.step} ${start.batch + 1}` }))
        .filter((start) => start.at >= from);
}

const WORDS = { c: "clean", s: "suspect", a: "anomalous", e: "expected", u: "unknown" };

function newest(data) {
    const rows = data.at_ms.map((at, i) => [when(new Date(at).toISOString()), String(data.value[i] ?? "none"),
        data.low[i] === null && data.high[i] === null ? "" : `${data.low[i] ?? ""} to ${data.high[i] ?? ""}`, state(WORDS[data.finding[i]])]);
    return table(["when", "value", "expected", "found"], rows.slice(-20).reverse(), "no samples");
}

/** The columns with a cell of nothing in each stretch that has none, so that no line goes across it; and these stretches, in seconds. */
function withGaps(data) {
    const steps = data.at_ms.slice(1).map((at, i) => at - data.at_ms[i]).sort((a, b) => a - b);
    const usual = Math.max(data.interval_ms, steps[Math.floor(steps.length / 2)] ?? 0);
    const columns = [[], [], [], []];
    const gaps = [];
    data.at_ms.forEach((at, i) => {
        const before = i ? data.at_ms[i - 1] : data.from_ms;
        if (at - before > 2.5 * usual) {
            gaps.push([before / 1000, at / 1000]);
            [(before + usual) / 1000, null, null, null].forEach((value, k) => columns[k].push(value));
        }
        [at / 1000, data.high[i], data.low[i], data.value[i]].forEach((value, k) => columns[k].push(value));
    });
    return { columns, gaps };
}

/** The hour, and at its turn the day. */
function hour(at) {
    const date = new Date(at * 1000);
    const words = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    return date.getHours() || date.getMinutes() ? words : date.toLocaleDateString([], { month: "short", day: "numeric" });
}

function draw(place, data, starts) {
    const { columns, gaps } = withGaps(data);
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const seconds = data.at_ms.map((at) => at / 1000);
    const marks = data.value.map((value, i) => (data.finding[i] === "a" ? value : null));
    const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line") }, ticks: { stroke: colour("--line") } };
    const cross = (u, seriesIdx) => {
        u.ctx.strokeStyle = colour("--bad");
        u.ctx.lineWidth = 2 * devicePixelRatio;
        const size = 4 * devicePixelRatio;
        marks.forEach((value, i) => {
            if (value === null) return;
            const [x, y] = [u.valToPos(seconds[i], "x", true), u.valToPos(value, "y", true)];
            u.ctx.beginPath();
            u.ctx.moveTo(x - size, y - size);
            u.ctx.lineTo(x + size, y + size);
            u.ctx.moveTo(x + size, y - size);
            u.ctx.lineTo(x - size, y + size);
            u.ctx.stroke();
        });
    };
    const shade = (u) => {
        u.ctx.fillStyle = colour("--unknown");
        const width = Math.max(1, u.valToPos(data.interval_ms / 1000, "x", true) - u.valToPos(0, "x", true));
        for (const [from, until] of gaps) {
            const x = u.valToPos(from, "x", true);
            u.ctx.fillRect(x, u.bbox.top, u.valToPos(until, "x", true) - x, u.bbox.height);
        }
        data.finding.forEach((finding, i) => {
            if (finding === "u") u.ctx.fillRect(u.valToPos(seconds[i], "x", true) - width / 2, u.bbox.top, width, u.bbox.height);
        });
    };
    const uprights = (u) => {
        u.ctx.strokeStyle = u.ctx.fillStyle = colour("--accent");
        u.ctx.font = `${11 * devicePixelRatio}px sans-serif`;
        for (const start of starts) {
            const x = u.valToPos(start.at / 1000, "x", true);
            u.ctx.beginPath();
            u.ctx.moveTo(x, u.bbox.top);
            u.ctx.lineTo(x, u.bbox.top + u.bbox.height);
            u.ctx.stroke();
            u.ctx.fillText(start.words, x + 3, u.bbox.top + 12 * devicePixelRatio);
        }
    };
    const options = {
        width: Math.max(280, place.clientWidth), height: 320, legend: { show: true },
        scales: { x: { min: data.from_ms / 1000, max: data.until_ms / 1000 } },
        axes: [{ ...axis, values: (u, splits) => splits.map(hour) }, { ...axis, size: 64 }],
        series: [
            { value: (u, at) => (at === null ? "" : when(new Date(at * 1000).toISOString()).textContent) },
            { label: "expected at most", stroke: "transparent", points: { show: false } },
            { label: "expected at least", stroke: "transparent", points: { show: false } },
            { label: data.unit ?? "measured", stroke: colour("--accent"), width: 1.5, points: { show: false } },
        ],
        bands: [{ series: [1, 2], fill: colour("--band") }],
        hooks: { drawClear: [shade], draw: [uprights, cross] },
    };
    new uPlot(options, columns, place);
}
