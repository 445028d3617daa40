// One run: why it holds and what would open it, its steps and batches, its time line, and what was decided.

import { bar, counts, el, lasting, state, table, when } from "./dom.js";
import { get } from "./server.js";
import { button } from "./verbs.js";

const path = (name) => `runs/${encodeURIComponent(name)}`;
const open = new Set();

/** The view of the run `name`. */
export async function run(name) {
    const [all, decisions, starts] = await Promise.all([
        get(path(name)), get(`${path(name)}/decisions?limit=50`), get(`${path(name)}/starts?limit=1000`),
    ]);
    const steps = await Promise.all(all.run.steps.map((step) => stepView(all, step)));
    return {
        title: `${all.run.mode}: ${name}`,
        frozen: all.frozen,
        view: [
            el("p", { class: "crumb" }, el("a", { href: "#/" }, "Overview")),
            el("div", { class: "row spread" }, el("h1", {}, name), state(all.run.paused ? "paused" : all.run.mode)),
            el("p", { class: "quiet" }, "began ", when(all.began), all.by ? ` by ${all.by.who}: ${all.by.reason}` : ""),
            all.run.turned ? el("p", { class: "card bad" }, all.run.turned.line) : null,
            all.run.paused ? paused(all.run.paused) : null,
            waits(all),
            verbs(all),
            todo(all.todo),
            el("h2", {}, "Steps"), steps,
            el("h2", {}, "Time line"), timeLine(all, starts.items),
            el("h2", {}, "Decided and done"), decided(name, decisions.items),
        ],
    };
}

function paused(word) {
    return el("p", { class: "card warn" }, el("strong", {}, `paused by ${word.who}: `), word.reason);
}

/** What keeps it, and what would let it go on. */
function waits(all) {
    const about = all.waiting.filter((wait) => wait.for !== "paused");
    if (about.length === 0) return null;
    return el("section", { class: "card hold", "aria-label": "What it waits for" }, about.map((wait) => el("div", {},
        el("h2", {}, wait.step ? `${wait.step}, batch ${wait.batch + 1}` : wait.for.replace("_", " ")),
        el("p", { class: "why" }, wait.reason),
        wait.for === "gate" && all.window && all.window.step === wait.step ? gate(all.window) : null,
        wait.until ? el("p", {}, "until ", when(wait.until)) : null,
        wait.patience ? el("p", { class: "quiet" }, "its patience ends ", when(wait.patience.until),
            `: where it still holds then, the run is paused for a person`) : null)));
}

function gate(window) {
    const words = `clean for ${lasting(window.clean_ms)} of ${lasting(window.needs_ms)}`;
    const stands = window.because.filter((cause) => !cause.endsWith("clean, not yet for long enough"));
    return el("div", {},
        bar(window.clean_ms, window.needs_ms, words),
        window.opens && stands.length === 0
            ? el("p", {}, "It opens ", when(window.opens), " if all stays clean.")
            : el("p", {}, "It opens once all of this is clean, and has been for long enough:"),
        stands.length ? el("ul", {}, stands.slice(0, 10).map((cause) => el("li", {}, cause)),
            stands.length > 10 ? el("li", {}, `and ${stands.length - 10} more`) : null) : null);
}

function verbs(all) {
    if (all.run.over) return null;
    const to = (verb, words) => button(verb, words, `${path(all.run.run)}/${verb}`, {}, all.run.run);
    const approvals = all.waiting.filter((wait) => wait.for === "approval").map((wait) =>
        button("approve", `Approve ${wait.step}`, `${path(all.run.run)}/approve`, { step: wait.step }, all.run.run));
    return el("div", { class: "row verbs", role: "group", "aria-label": "What you can do" },
        approvals,
        all.run.paused ? to("resume", "Resume") : all.run.mode === "aborting" ? null : to("pause", "Pause"),
        all.run.mode === "going" ? to("rollback", "Roll back") : null,
        all.run.mode === "aborting" ? null : to("abort", "Abort"));
}

function todo(all) {
    if (all.length === 0) return null;
    return el("details", { "data-key": "todo" }, el("summary", {}, "The same on a terminal"), all.map((item) => [
        el("p", {}, item.why), item.commands.map((command) => el("pre", {}, command)),
    ]));
}

async function stepView(all, step) {
    const name = all.run.run;
    const key = `${name} ${step.step}`;
    const batches = open.has(key) ? await get(`${path(name)}/batches?step=${encodeURIComponent(step.step)}&limit=200`) : null;
    const toggled = ({ currentTarget }) => {
        const was = open.has(key);
        if (currentTarget.open) open.add(key);
        else open.delete(key);
        if (currentTarget.open && !was) document.dispatchEvent(new Event("again"));
    };
    return el("details", { "data-key": key, open: open.has(key), ontoggle: toggled },
        el("summary", {}, el("strong", {}, step.step), " ", `${step.passed} of ${step.batches} batches passed `, counts(step.targets)),
        troubles(name, step),
        batches ? batches.items.map(batchView) : null,
        batches?.next ? el("p", { class: "quiet" }, "more batches follow") : null);
}

/** Targets that need a person. */
function troubles(name, step) {
    const at = (verb, words, target, more) =>
        button(verb, words, `${path(name)}/${verb}`, { step: step.step, target: target.target, ...more }, `${step.step} on ${target.target}`);
    const line = (target, ...verbs) => el("li", {}, el("strong", {}, target.target), " ", state(target.state),
        ` ${target.reason ?? ""} `, el("span", { class: "row" }, verbs));
    const lines = [
        ...step.unknown.first.map((t) => line(t, at("resolve", "It took effect", t, { ran: true }), at("resolve", "It did not", t, { ran: false }))),
        ...step.failed.first.map((t) => line(t, at("retry", "Retry", t), at("skip", "Skip", t))),
        ...step.stuck.first.map((t) => line(t, at("retry", "Retry", t), at("skip", "Skip", t))),
    ];
    return lines.length ? el("ul", { class: "plain" }, lines) : null;
}

function batchView(batch) {
    return el("div", { class: "batch" },
        el("div", { class: "row spread" }, el("span", {}, `batch ${batch.batch + 1}`), state(batch.state)),
        el("div", { class: "chips" }, batch.targets.map((target) =>
            el("span", { class: "chip", title: target.reason ?? target.state }, state(target.state), " ", target.target))),
        batch.count > batch.targets.length ? el("p", { class: "quiet" }, `and ${batch.count - batch.targets.length} more`) : null);
}

const SVG = "http://www.w3.org/2000/svg";

function svg(tag, attrs, words) {
    const node = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attrs)) node.setAttribute(name, String(value));
    if (words !== undefined) node.textContent = words;
    return node;
}

/** Steps as rows over time, a bar from the start of a batch until it passed. */
function timeLine(all, starts) {
    if (starts.length === 0) return el("p", { class: "quiet" }, "no batch has started yet");
    const times = starts.flatMap((start) => [Date.parse(start.at), start.passed ? Date.parse(start.passed) : Date.parse(all.at)]);
    const [first, last] = [Math.min(...times), Math.max(...times) + 1];
    const names = all.run.steps.map((step) => step.step);
    const [width, row] = [1000, 34];
    const x = (at) => ((at - first) / (last - first)) * (width - 4);
    const picture = svg("svg", { viewBox: `0 0 ${width} ${names.length * row}`, class: "time", role: "img" });
    picture.append(svg("title", {}, `${starts.length} starts of batches over ${lasting(last - first)}`));
    names.forEach((name, i) => picture.append(svg("text", { x: 0, y: i * row + 12, class: "name" }, name)));
    for (const start of starts) {
        const at = Date.parse(start.at);
        const end = start.passed ? Date.parse(start.passed) : Date.parse(all.at);
        const y = names.indexOf(start.step) * row + 16;
        const box = svg("rect", { x: x(at), y, width: Math.max(3, x(end) - x(at)), height: 12, class: start.passed ? "good" : "now" });
        box.append(svg("title", {}, `batch ${start.batch + 1} from ${new Date(at).toLocaleTimeString([], { hourCycle: "h23" })}`));
        picture.append(box);
    }
    return el("div", { class: "wide" }, picture, el("div", { class: "row spread quiet" }, when(new Date(first).toISOString()), when(new Date(last).toISOString())));
}

function decided(name, items) {
    return table(["when", "what", "evidence"], items.map((item) => [
        when(item.at),
        el("span", { class: item.severity === "critical" ? "bad" : item.severity === "warning" ? "warn" : "" }, item.line),
        el("a", { href: `#/run/${encodeURIComponent(name)}/why/${item.seq}`, "data-key": `why ${item.seq}`, "aria-label": `why ${item.seq}` }, `${item.seq}`),
    ]), "nothing yet");
}

/** The view of one record with its numbers. */
export async function why(name, seq) {
    const told = await get(`decisions/${encodeURIComponent(seq)}`);
    const links = (all) => el("ul", {}, all.map((one) => el("li", {},
        el("a", { href: `#/run/${encodeURIComponent(name)}/why/${one.seq}` }, `${one.seq}`), " ", one.line)));
    return {
        title: `record ${seq}`,
        view: [
            el("p", { class: "crumb" }, el("a", { href: `#/run/${encodeURIComponent(name)}` }, name)),
            el("h1", {}, `Record ${told.seq}`), el("p", { class: "why" }, told.line),
            el("h2", {}, "What was seen"),
            table(["series", "condition", "newest", "value", "detectors"], told.series.map((one) => [
                one.more ? `${one.series} and ${one.more} more` : one.series,
                one.clean_since ? ["clean since ", when(one.clean_since)] : [one.condition, one.since ? [" since ", when(one.since)] : ""],
                when(one.at), one.value === null ? "none" : String(one.value),
                [...one.votes, ...one.unknown].map((vote) => el("p", {}, `${vote.detector}: ${vote.words ?? vote.verdict}`)),
            ]), "it is no decision of a gate"),
            told.before.length ? [el("h2", {}, "What led to it"), links(told.before)] : null,
            told.after.length ? [el("h2", {}, "What came of it"), links(told.after)] : null,
        ],
    };
}
