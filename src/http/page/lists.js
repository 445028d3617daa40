// What was found, and the plans that can be begun.

import { el, many, table, when } from "./dom.js";
import { get } from "./server.js";
import { button } from "./verbs.js";

/** The view of the anomalies, those that last first. */
export async function findings() {
    const page = await get("findings?limit=200");
    const row = (one) => [
        el("a", { href: `#/signal/${encodeURIComponent(one.signal)}?finding=anomalous`, "data-key": `${one.name} ${one.since}` }, one.name),
        when(one.since), one.until ? when(one.until) : el("span", { class: "state bad" }, "still"),
        one.words.map((words) => el("p", {}, words)),
    ];
    const heads = ["series", "since", "until", "what the detectors said"];
    return {
        title: "findings",
        view: [
            el("h1", {}, "Findings"),
            table(heads, page.items.filter((one) => !one.until).map(row), "Nothing is anomalous now."),
            el("h2", {}, "Over"),
            table(heads, page.items.filter((one) => one.until).map(row), "None since the daemon began."),
        ],
    };
}

/** The view of the plans. */
export async function plans() {
    const page = await get("plans?limit=1000");
    return {
        title: "plans",
        view: [
            el("h1", {}, "Plans"),
            page.items.length ? page.items.map(plan) : el("p", { class: "quiet" }, "None: the config names no folder by ",
                el("code", {}, "plans"), ", or it is empty."),
        ],
    };
}

function plan(one) {
    const good = one.mistakes.length === 0;
    return el("article", { class: good ? "card" : "card bad" },
        el("div", { class: "row spread" }, el("h2", {}, one.plan),
            good ? button("start", "Start", "runs", { plan: one.plan }, one.plan) : null),
        el("p", { class: "quiet" }, good ? `${many(one.steps, "step")} on ${many(one.targets, "target")}, in ${one.file}` : one.file),
        good ? null : el("ul", {}, one.mistakes.map((mistake) => el("li", {}, mistake))));
}
