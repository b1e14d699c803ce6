// <button data-copy="text">: copies it, shows a tick, says so.
import { announce } from "./toast.js";
import { word } from "./words.js";

export function startCopying() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    if (!(await copy(button.dataset.copy))) return;
    button.dataset.copied = "";
    announce(word("copied"));
    setTimeout(() => delete button.dataset.copied, 1600);
  });
}

// What is shown once is not there again when the browser brings the page back from its memory; and
// a reload, or the way back, leads to another page, and sends no form again.
export function startForgetting() {
  const once = document.querySelector("[data-shown-once]");
  if (!once) return;
  history.replaceState(null, "", once.dataset.then);
  addEventListener("pagehide", () => {
    const said = document.createElement("p");
    said.textContent = once.dataset.shownOnce;
    once.replaceWith(said);
  });
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Plain http on another host than this one has no clipboard: the old way.
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "sr-only";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
