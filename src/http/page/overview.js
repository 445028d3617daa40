// The first view: what is running, what is watched, what is held.

import { bar, counts, el, state, table, when } from "./dom.js";
import { get } from "./server.js";
import { button } from "./verbs.js";

/** The view, and what it is called. */
export async function overview() {
    const status = await get("status");
    const open = status.runs.filter((run) => !run.over);
    const over = status.runs.filter((run) => run.over);
    const freeze = status.frozen
        ? button("unfreeze", "Lift the freeze", "unfreeze")
        : button("freeze", "Freeze all runs", "freeze");
    return {
        title: open.length ? `${open.length} running` : "quiet",
        frozen: status.frozen,
        view: [
            el("div", { class: "row spread" }, el("h1", {}, open.length ? "Running now" : "No run is under way"), freeze),
            open.length ? open.map(card) : nothing(),
            el("h2", {}, "Watched"),
            signals(status.signals),
            el("h2", {}, "Runs that are over"),
            table(["run", "how it ended", "began", "targets"], over.map((run) => [
                link(run), state(run.mode), when(run.began), counts(run.targets),
            ]), "none yet"),
        ],
    };
}

function nothing() {
    return el("p", { class: "quiet" }, "Begin one under ", el("a", { href: "#/plans" }, "Plans"),
        ", or by ", el("code", {}, "quietgate submit PLAN"), ".");
}

function link(run) {
    return el("a", { href: `#/run/${encodeURIComponent(run.run)}`, "data-key": run.run }, run.run);
}

function card(run) {
    const { passed, all } = run.batches;
    return el("article", { class: run.paused ? "card warn" : "card" },
        el("div", { class: "row spread" }, el("h3", {}, link(run)), state(run.paused ? "paused" : run.mode)),
        run.paused ? el("p", {}, `paused by ${run.paused.who}: ${run.paused.reason}`) : null,
        run.waiting && !run.paused ? el("p", { class: "why" }, run.waiting) : null,
        bar(passed, all, `${passed} of ${all} batches passed`),
        el("p", {}, counts(run.targets), " since ", when(run.began)));
}

/** Signals with what their series are. */
export function signals(all) {
    return table(["signal", "series", "now", "source", "newest sample"], all.map((signal) => [
        el("a", { href: `#/signal/${encodeURIComponent(signal.signal)}`, "data-key": signal.signal }, signal.signal),
        String(signal.series),
        counts({
            anomalous: signal.anomalous, unknown: signal.unknown, suspect: signal.suspect,
            expected: signal.expected, clean: signal.clean,
        }),
        [signal.source, signal.trouble ? [" ", el("span", { class: "state bad" }, signal.trouble)] : ""],
        when(signal.newest),
    ]), "nothing is watched");
}
