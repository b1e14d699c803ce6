// <input data-suggest="address">, and after it in the same place <ul role="listbox" id>: what may be
// typed next, from the server. Arrow keys move, Enter takes, Escape closes; without a script the
// field is a plain one.
import { announce } from "./toast.js";
import { word } from "./words.js";

const PAUSE_MS = 120;

export function startSuggesting() {
  for (const input of document.querySelectorAll("[data-suggest]")) suggest(input);
}

function suggest(input) {
  const list = input.parentElement.querySelector("[role=listbox]");
  let timer;
  let asked;
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-controls", list.id);
  close();

  input.addEventListener("input", () => later(ask));
  input.addEventListener("blur", close);
  input.addEventListener("keydown", pressed);
  // The field keeps the focus.
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) take(option);
  });

  function later(act) {
    clearTimeout(timer);
    timer = setTimeout(act, PAUSE_MS);
  }

  async function ask() {
    clearTimeout(timer);
    asked?.abort();
    const mine = new AbortController();
    asked = mine;
    const typed = input.value.slice(0, input.selectionStart);
    const address = `${input.dataset.suggest}?${new URLSearchParams({ q: typed })}`;
    try {
      const answer = await fetch(address, {
        headers: { "HX-Request": "true" },
        signal: mine.signal,
      });
      if (answer.status !== 200 || document.activeElement !== input) return close();
      const found = await answer.text();
      if (asked !== mine) return undefined;
      list.innerHTML = found;
      return open();
    } catch {
      // One that a newer question took the place of closes nothing.
      return asked === mine ? close() : undefined;
    }
  }

  function open() {
    const number = options().length;
    list.hidden = number === 0;
    input.setAttribute("aria-expanded", String(number > 0));
    input.removeAttribute("aria-activedescendant");
    if (number) announce(word("suggestions", { n: number }));
  }

  function close() {
    clearTimeout(timer);
    asked?.abort();
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function pressed(event) {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (list.hidden) {
      if (event.key === "ArrowDown") {
        event.preventDefault();
        ask();
      } else if (event.key === "Enter") {
        close();
      }
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Escape") {
      event.preventDefault();
      close();
    } else if (event.key === "Enter" && chosen()) {
      event.preventDefault();
      take(chosen());
    }
  }

  // One step beyond either end nothing is chosen, and Enter asks for what is typed.
  function move(step) {
    const all = options();
    const from = all.indexOf(chosen());
    const to = (from + 1 + step + all.length + 1) % (all.length + 1);
    chosen()?.setAttribute("aria-selected", "false");
    const option = all[to - 1];
    if (!option) return input.removeAttribute("aria-activedescendant");
    option.setAttribute("aria-selected", "true");
    input.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  function take(option) {
    // The rest of the word under the caret goes; what follows it stays.
    const rest = input.value.slice(input.selectionStart).replace(/^\S+/, "");
    const text = option.dataset.text;
    input.value = text + (text.endsWith(" ") ? rest.trimStart() : rest);
    input.setSelectionRange(text.length, text.length);
    close();
    input.focus();
    if (text.endsWith(":")) ask();
  }

  function options() {
    return [...list.querySelectorAll("[role=option]")];
  }

  function chosen() {
    return list.querySelector('[aria-selected="true"]');
  }
}
