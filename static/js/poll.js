// One poll a page: <… id data-poll="address" data-poll-fast="2" data-poll-slow="15" data-moving>.
// The answer is that same element; it is morphed in, so focus, open menus and ticked boxes stay.
// data-moving in the newest answer chooses the speed. A hidden tab asks nothing.
import { announce, isPoll, toast } from "./toast.js";
import { word } from "./words.js";

const LONGEST_SECONDS = 60;
let timer;
let asking = false;
let failures = 0;
let trouble = "";

function polled() {
  return document.querySelector("[data-poll]");
}

export function startPolling() {
  document.addEventListener("htmx:error", (event) => failed(event.detail.ctx));
  document.addEventListener("htmx:response:error", (event) => failed(event.detail.ctx));
  document.addEventListener("htmx:before:request", (event) => giveWay(event.detail.ctx));
  document.addEventListener("visibilitychange", () => (document.hidden ? rest() : ask()));
  window.addEventListener("online", ask);
  ask();
}

function rest() {
  clearTimeout(timer);
}

async function ask() {
  rest();
  const element = polled();
  if (!element || document.hidden || asking) return;
  asking = true;
  const failuresBefore = failures;
  const before = statuses();
  try {
    await htmx.ajax("GET", element.dataset.poll, {
      source: element,
      target: element,
      swap: "outerMorph",
      headers: { "HX-Poll": "true" },
    });
  } finally {
    asking = false;
    if (failures === failuresBefore) succeeded(before);
    next();
  }
}

function next() {
  rest();
  const element = polled();
  if (!element || document.hidden) return;
  if (element.hasAttribute("data-poll-once") && !failures) return;
  timer = setTimeout(ask, 1000 * pause(element));
}

function pause({ dataset }) {
  const seconds =
    "moving" in dataset ? Number(dataset.pollFast) || 2 : Number(dataset.pollSlow) || 15;
  return failures ? Math.min(LONGEST_SECONDS, seconds * 2 ** failures) : seconds;
}

function failed(ctx) {
  if (!ctx || !isPoll(ctx.sourceElement)) return;
  failures += 1;
  if (failures > 1) return;
  trouble = ctx.response?.status === 429 ? "busy" : "offline";
  toast(word(trouble), "bad");
}

function succeeded(before) {
  if (failures) {
    for (const notice of document.querySelectorAll("#toasts .bad")) {
      if (notice.querySelector("p").textContent === word(trouble)) notice.remove();
    }
    if (trouble === "offline") toast(word("online"), "good");
  }
  failures = 0;
  announceChanges(before);
}

// A person's own request for the same place wins over a poll under way.
function giveWay(ctx) {
  const element = polled();
  if (element && ctx.target === element && ctx.sourceElement !== element) {
    htmx.trigger(element, "htmx:abort");
  }
}

function statuses() {
  const rows = [...document.querySelectorAll("[data-server-id][data-status]")];
  return new Map(rows.map((row) => [row.dataset.serverId, row.dataset.status]));
}

// Only states of rest are worth saying aloud.
function announceChanges(before) {
  const sentences = [];
  for (const row of document.querySelectorAll("[data-server-id][data-status]")) {
    const { serverId, status, name } = row.dataset;
    const old = before.get(serverId);
    if (old === undefined || old === status || row.classList.contains("moving")) continue;
    const shown = row.querySelector(".badge-word")?.textContent ?? status;
    sentences.push(word("changed", { name: name ?? serverId, status: shown }));
  }
  announce(sentences.join(". "));
}
