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
        if (name.startsWith("on")) listen(node, name.slice(2), value);
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

const heard = new WeakMap();

/** What `node` does at an event: the newest of what it was told, for an element may become what another was made to be. */
function listen(node, kind, action) {
    const own = heard.get(node) ?? {};
    heard.set(node, own);
    if (!own[kind]) node.addEventListener(kind, (event) => own[kind]?.(event));
    own[kind] = action;
}

/**
 * Makes `node` have these children. What is there already stays and becomes what it should be, so that focus, a selection and a press that has begun are
 * not lost; but nothing that can be pressed ever becomes something else that can.
 */
export function fill(node, ...children) {
    const wanted = document.createElement("div");
    put(wanted, children);
    match(node, wanted);
}

function match(node, wanted) {
    const [have, want] = [[...node.childNodes], [...wanted.childNodes]];
    want.forEach((next, i) => {
        const now = have[i];
        if (!now) node.append(next);
        else if (!isSame(now, next)) now.replaceWith(next);
        else if (now instanceof Element) become(now, next);
        else if (now.data !== next.data) now.data = next.data;
    });
    have.slice(want.length).forEach((child) => child.remove());
}

function isSame(now, next) {
    if (now.nodeName !== next.nodeName) return false;
    if (!(now instanceof Element)) return true;
    return ["data-key", "href"].every((name) => now.getAttribute(name) === next.getAttribute(name));
}

function become(now, next) {
    // whether something is unfolded is for who looks at it to say
    const kept = (name) => name === "open" && now.nodeName === "DETAILS";
    for (const { name } of [...now.attributes]) {
        if (!next.hasAttribute(name) && !kept(name)) now.removeAttribute(name);
    }
    for (const { name, value } of [...next.attributes]) {
        if (now.getAttribute(name) !== value && !kept(name)) now.setAttribute(name, value);
    }
    const [old, own] = [heard.get(now) ?? {}, heard.get(next) ?? {}];
    for (const kind of Object.keys(old)) if (!own[kind]) old[kind] = null;
    for (const [kind, action] of Object.entries(own)) listen(now, kind, action);
    match(now, next);
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
