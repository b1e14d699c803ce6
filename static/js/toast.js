// Notices in the corner, and the one polite live region.
import { word } from "./words.js";

const RESTING_MS = 6000;

export function announce(text) {
  const live = document.getElementById("live");
  if (!live || !text) return;
  // The same words twice would be silent the second time.
  live.textContent = "";
  requestAnimationFrame(() => (live.textContent = text));
}

export function toast(text, tone = "") {
  const region = document.getElementById("toasts");
  const template = document.getElementById("toast-template");
  if (!region || !template || !text) return;
  for (const old of region.children) if (old.querySelector("p").textContent === text) old.remove();
  const box = template.content.firstElementChild.cloneNode(true);
  if (tone === "bad" || tone === "good") box.classList.add(tone);
  box.querySelector("p").textContent = text;
  box.querySelector("[data-toast-close]").addEventListener("click", () => box.remove());
  region.append(box);
  if (tone !== "bad") leaveLater(box);
}

function leaveLater(box) {
  let timer = setTimeout(() => box.remove(), RESTING_MS);
  const stay = () => clearTimeout(timer);
  const go = () => (timer = setTimeout(() => box.remove(), RESTING_MS));
  box.addEventListener("pointerenter", stay);
  box.addEventListener("pointerleave", go);
  box.addEventListener("focusin", stay);
  box.addEventListener("focusout", go);
}

export function isPoll(element) {
  return element instanceof Element && element.hasAttribute("data-poll");
}

export function startToasts() {
  document.addEventListener("panel:toast", ({ detail }) => toast(detail.text, detail.tone));
  document.addEventListener("panel:announce", ({ detail }) => announce(detail.text));
  document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
    if (!isPoll(ctx.sourceElement)) toast(refusal(ctx), "bad");
  });
  document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
    if (ctx && !isPoll(ctx.sourceElement)) toast(silence(ctx), "bad");
  });
}

// 409 and 422 bring the form back with its own words.
function refusal({ request, response: { status } }) {
  if (status === 409 || status === 422) return "";
  if (status === 404 || status === 410) return word("missing");
  if (status === 429) return word("busy");
  if (status < 500) return word("forbidden");
  if (request.method === "GET") return word("server");
  return word(status === 503 ? "nothing" : "uncertain");
}

// Whatever was not a mere look may have been done all the same.
function silence(ctx) {
  if (ctx.request.method === "GET") return word("offline");
  return word(ctx.request.signal.reason === "timeout" ? "timeout" : "lost");
}
