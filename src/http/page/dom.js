// Elements and words: whatever is shown goes in as text, and what a terminal or a reader would obey is made visible.

const ODD = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

/** Text as it may be shown. */
export function shown(text) {
    return String(text ?? "").replace(ODD, (c) => `\\u${c.codePointAt(0).toString(16).padStart(4, "0")}`);
}

/** An element; of `attrs` those that begin with `on` are listeners, and what is null or false is left out. */
export function el(tag, attrs, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attrs ?? {})) {
        if (value === null || value === undefined || value === false) continue;
        if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
        else if (name in node && typeof value === "boolean") node[name] = value;
        else node.setAttribute(name, value === true ? "" : value);
    }
    put(node, children);
    return node;
}

function put(node, children) {
    for (const child of children.flat()) {
        if (child === null || child === undefined || child === false) continue;
        node.append(child instanceof Node ? child : document.createTextNode(shown(child)));
    }
}

/** Puts `children` in the place of what `node` has; the focus stays on what has the same key. */
export function fill(node, ...children) {
    const key = node.contains(document.activeElement) ? document.activeElement.dataset?.key : null;
    const open = new Map([...node.querySelectorAll("details[data-key]")].map((d) => [d.dataset.key, d.open]));
    node.replaceChildren();
    put(node, children);
    for (const details of node.querySelectorAll("details[data-key]")) {
        if (open.has(details.dataset.key)) details.open = open.get(details.dataset.key);
    }
    if (key) node.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}

const CLOCK = { hourCycle: "h23" };
const sameDay = (a, b) => a.toDateString() === b.toDateString();

/** A time of day, with the day where it is another one; the time in UTC is its title. */
export function when(iso) {
    if (!iso) return el("span", {}, "never");
    const at = new Date(iso);
    const words = sameDay(at, new Date()) ? at.toLocaleTimeString([], CLOCK) : at.toLocaleString([], CLOCK);
    return el("time", { datetime: iso, title: `${iso} (UTC)` }, words);
}

/** `count` of what `one` is the word for, which an `s` makes many. */
export function many(count, one) {
    return `${count} ${one}${count === 1 ? "" : "s"}`;
}

/** A duration in few words. */
export function lasting(ms) {
    const s = Math.max(0, Math.round(ms / 1000));
    if (s < 120) return `${s} s`;
    if (s < 7200) return `${Math.floor(s / 60)} min ${s % 60 ? `${s % 60} s` : ""}`.trim();
    return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

const SIGNS = {
    clean: "✓", passed: "✓", done: "✓", going: "▶", "at work": "▶", in_flight: "▶", soaking: "▶", open: "▶",
    suspect: "?", held: "‖", paused: "‖", waiting: "·", skipped: "–", undone: "↶", "rolling back": "↶", "rolled back": "↶",
    anomalous: "✗", failed: "✗", stuck: "✗", aborted: "✗", aborting: "✗", unknown: "?", expected: "~",
};
const GOOD = ["clean", "passed", "done"];
const BAD = ["anomalous", "failed", "stuck", "aborted", "aborting", "rolled back", "rolling back", "unknown"];
const WAITS = ["suspect", "held", "paused", "expected", "frozen"];

/** A state as a sign and a word: never by its colour alone. */
export function state(word, count) {
    const kind = GOOD.includes(word) ? "good" : BAD.includes(word) ? "bad" : WAITS.includes(word) ? "warn" : "calm";
    const sign = el("span", { "aria-hidden": "true" }, `${SIGNS[word] ?? "·"} `);
    return el("span", { class: `state ${kind}` }, sign, count === undefined ? "" : `${count} `, word.replace("_", " "));
}

/** What is counted by state, without what is nought. */
export function counts(of) {
    const some = Object.entries(of ?? {}).filter(([, count]) => typeof count === "number" && count > 0);
    return el("span", { class: "counts" }, some.length ? some.map(([word, count]) => state(word, count)) : "nothing");
}

/** A bar of `part` of `whole`, with words. */
export function bar(part, whole, words) {
    const meter = el("progress", { max: String(Math.max(1, whole)), value: String(Math.min(part, whole)) });
    meter.setAttribute("aria-label", shown(words));
    return el("div", { class: "bar" }, meter, el("span", {}, words));
}

/** A table with these heads; `rows` are lists of cells. */
export function table(heads, rows, none) {
    if (rows.length === 0) return el("p", { class: "quiet" }, none);
    const head = el("tr", {}, heads.map((name) => el("th", { scope: "col" }, name)));
    const body = rows.map((cells) => el("tr", {}, cells.map((cell, i) => el("td", { "data-head": heads[i] }, cell))));
    return el("div", { class: "wide" }, el("table", {}, el("thead", {}, head), el("tbody", {}, body)));
}
