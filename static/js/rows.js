// Lists worked through by keyboard: `j` and `k` move, `x` ticks, Enter opens the link that has the
// focus. And one box that ticks all the others.
import { onKey } from "./keys.js";

const ROWS = "[data-rows] [data-row]";

export function startRows() {
  onKey("j", () => move(1));
  onKey("k", () => move(-1));
  onKey("x", () => tick());
  document.addEventListener("change", ({ target }) => {
    const table = target.closest?.("[data-rows]");
    if (!table) return;
    const all = table.querySelector("[data-check-all]");
    const boxes = [...table.querySelectorAll("[data-row] input[type=checkbox]:enabled")];
    if (target === all) for (const box of boxes) box.checked = all.checked;
    else if (all) all.checked = boxes.length > 0 && boxes.every((box) => box.checked);
  });
}

function move(by) {
  const rows = [...document.querySelectorAll(ROWS)];
  if (!rows.length) return false;
  const now = rows.findIndex((row) => row.contains(document.activeElement));
  const next = now < 0 ? (by > 0 ? 0 : rows.length - 1) : now + by;
  rows[Math.min(Math.max(next, 0), rows.length - 1)].querySelector("[data-row-link]")?.focus();
  return true;
}

function tick() {
  const row = document.activeElement?.closest(ROWS);
  const box = row?.querySelector("input[type=checkbox]:enabled");
  box?.click();
  return Boolean(box);
}
