// `/` to the search, `?` to the help. Off in fields and dialogs, and by the person's own choice.
const KEY = "shortcuts";
// A ticked box is not typed into.
const TYPED = "input:not([type=checkbox]), select, textarea, dialog, [contenteditable]";
const more = new Map();

// `act` says whether it did something.
export function onKey(key, act) {
  more.set(key, act);
}

export function startKeys() {
  const help = document.getElementById("help");
  const box = document.getElementById("shortcuts-on");
  if (box) {
    box.checked = areOn();
    box.addEventListener("change", () => remember(box.checked));
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest?.(TYPED)) return;
    if (!areOn()) return;
    if (event.key === "/") {
      const search = document.querySelector("[data-search]");
      if (!search) return;
      event.preventDefault();
      search.focus();
      search.select?.();
    } else if (event.key === "?") {
      help?.showModal();
    } else if (more.get(event.key)?.()) {
      event.preventDefault();
    }
  });
}

function areOn() {
  try {
    return localStorage.getItem(KEY) !== "off";
  } catch {
    return true;
  }
}

function remember(on) {
  try {
    localStorage.setItem(KEY, on ? "on" : "off");
  } catch {
    // Storage is forbidden: the choice lasts as long as the page.
  }
}
