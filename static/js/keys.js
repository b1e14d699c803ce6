// `/` to the search, `?` to the help. Off in fields and dialogs, and by the person's own choice.
const KEY = "shortcuts";

export function startKeys() {
  const help = document.getElementById("help");
  const box = document.getElementById("shortcuts-on");
  if (box) {
    box.checked = areOn();
    box.addEventListener("change", () => remember(box.checked));
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest?.("input, select, textarea, dialog, [contenteditable]")) return;
    if (!areOn()) return;
    if (event.key === "/") {
      const search = document.querySelector("[data-search]");
      if (!search) return;
      event.preventDefault();
      search.focus();
      search.select?.();
    } else if (event.key === "?") {
      help?.showModal();
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
