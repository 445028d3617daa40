// What a person can do: each asks for a reason, says what will happen, and is confirmed.

import { el, fill } from "./dom.js";
import { link, post } from "./server.js";

export const me = { scope: "read", token: "" };

const SAYS = {
    approve: "The next batch of this step may start, once its gate proceeds.",
    pause: "Nothing new starts until somebody resumes the run. What is in flight comes to its end.",
    resume: "The run goes on. Gates count their clean windows as before.",
    abort: "Nothing starts any more, for good. What is in flight comes to its end; nothing is undone.",
    rollback: "What the run did is undone, in reverse order, one target after the other.",
    retry: "The target is tried once more.",
    skip: "The target is left as it is, and the run goes on without it.",
    resolve: "You say what became of the attempt. Look at the target before.",
    freeze: "No batch of any run starts until the freeze is lifted.",
    unfreeze: "Batches may start again.",
    start: "A run of this plan begins. Its first batch waits for its gate.",
};
const MAIN = ["approve", "resume", "unfreeze"];
const GRAVE = ["abort", "rollback", "start"];

/** A button for `verb`; without the right to it or a connection it cannot be pressed, and says why. */
export function button(verb, words, path, body, more) {
    const may = me.scope !== "read";
    const why = may ? (link.alive ? null : "the connection is lost") : "this token may only look";
    return el("button", {
        class: GRAVE.includes(verb) ? "grave" : MAIN.includes(verb) ? "main" : "",
        disabled: why !== null,
        title: why,
        "data-key": `${verb} ${path} ${JSON.stringify(body ?? {})}`,
        onclick: () => ask(verb, words, path, body ?? {}, more),
    }, words);
}

function ask(verb, words, path, body, more) {
    const reason = el("textarea", { id: "reason", rows: "2", required: true, maxlength: "1000" });
    const sure = GRAVE.includes(verb) ? el("input", { type: "checkbox", id: "sure", required: true }) : null;
    const problem = el("p", { class: "problem", role: "alert" });
    const go = el("button", { class: GRAVE.includes(verb) ? "grave" : "main" }, words);
    const dialog = el("dialog", { "aria-labelledby": "dialog-title" });
    const form = el("form", {
        method: "dialog",
        onsubmit: async (event) => {
            event.preventDefault();
            go.disabled = true;
            try {
                await post(path, { ...body, reason: reason.value });
                dialog.close();
            } catch (error) {
                fill(problem, error.message);
                go.disabled = false;
            }
        },
    },
    el("h2", { id: "dialog-title" }, words),
    more ? el("p", { class: "about" }, more) : null,
    el("p", {}, SAYS[verb]),
    el("label", { for: "reason" }, "Why? It goes on record with your name."),
    reason,
    sure ? el("label", { class: "check", for: "sure" }, sure, "I am sure") : null,
    problem,
    el("div", { class: "row" }, el("button", { type: "button", onclick: () => dialog.close() }, "Not now"), go));
    dialog.append(form);
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
    reason.focus();
}
