// Speaks to the daemon: asks, does, and listens to what happens; knows whether anybody is there.

import { shown } from "./dom.js";

const PATIENCE = 15000;

export const link = { alive: false, since: null, heard: Date.now(), newest: null };
const listeners = new Set();

/** Calls `listener` with what happens: `{kind: "event" | "changed" | "alive" | "lost", data}`. */
export function onNews(listener) {
    listeners.add(listener);
}

function tell(kind, data) {
    for (const listener of listeners) listener({ kind, data });
}

async function answer(response) {
    if (response.status === 401) {
        location.reload();
        throw new Error("signed out");
    }
    if (response.status === 204) return null;
    const body = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(shown(body.detail ?? `the daemon answered ${response.status}`));
    return body;
}

/** What the daemon says at `path`. */
export async function get(path) {
    return answer(await fetch(`/api/v1/${path}`, { headers: { Accept: "application/json" } }));
}

/** Has the daemon do what stands at `path`. */
export async function post(path, body) {
    const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    return answer(await fetch(`/api/v1/${path}`, init));
}

function heard() {
    link.heard = Date.now();
    if (!link.alive) {
        link.alive = true;
        link.since = null;
        tell("changed", null);
    }
}

function lost() {
    if (link.alive || link.since === null) {
        link.alive = false;
        link.since = link.heard;
        tell("lost", null);
    }
}

/** Listens for ever; a stream that ends is begun anew from the newest record on. */
export function listen(after) {
    link.newest = after;
    const source = new EventSource(`/api/v1/events?after=${link.newest}`);
    source.addEventListener("event", (message) => {
        heard();
        link.newest = Number(message.lastEventId) || link.newest;
        tell("event", JSON.parse(message.data));
    });
    for (const kind of ["changed", "alive", "missed"]) {
        source.addEventListener(kind, () => {
            heard();
            tell(kind === "alive" ? "alive" : "changed", null);
        });
    }
    source.addEventListener("open", heard);
    source.addEventListener("error", () => {
        lost();
        if (source.readyState === EventSource.CLOSED) {
            setTimeout(() => get("me").then(() => listen(link.newest), () => listen(link.newest)), 2000);
        }
    });
    return source;
}

setInterval(() => {
    if (Date.now() - link.heard > PATIENCE) lost();
}, 1000);
