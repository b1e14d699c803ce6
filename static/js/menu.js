// Arrow keys in menus, Escape for tooltips. Opening and closing is the browser's (popover).
const STEPS = { ArrowDown: 1, ArrowUp: -1 };

export function startMenus() {
  document.addEventListener("toggle", opened, true);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") dismissReason();
    else moveTo(event);
  });
  for (const type of ["pointerout", "focusout"]) {
    document.addEventListener(type, (event) => {
      event.target.closest?.(".why.dismissed")?.classList.remove("dismissed");
    });
  }
}

function opened(event) {
  const menu = event.target;
  if (!menu.matches?.(".menu[popover]") || event.newState !== "open") return;
  if (!CSS.supports("position-area", "block-end")) place(menu, event.source);
  menu.querySelector('[aria-checked="true"], .menu-item')?.focus({ preventScroll: true });
}

// Browsers without anchor positioning.
function place(menu, source) {
  const button = source ?? document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]`);
  if (!button) return;
  const box = button.getBoundingClientRect();
  const start = menu.classList.contains("menu-start");
  const left = start ? box.left : box.right - menu.offsetWidth;
  const below = box.bottom + menu.offsetHeight < innerHeight;
  menu.style.left = `${Math.max(8, Math.min(left, innerWidth - menu.offsetWidth - 8))}px`;
  menu.style.top = `${below ? box.bottom : Math.max(8, box.top - menu.offsetHeight - 8)}px`;
}

function moveTo(event) {
  const menu = event.target.closest?.(".menu[popover]");
  if (!menu) return;
  const items = [...menu.querySelectorAll(".menu-item")];
  const at = items.indexOf(document.activeElement);
  let to;
  if (event.key in STEPS) to = (at + STEPS[event.key] + items.length) % items.length;
  else if (event.key === "Home") to = 0;
  else if (event.key === "End") to = items.length - 1;
  else return;
  event.preventDefault();
  items[to]?.focus();
}

function dismissReason() {
  document.querySelector(".why:is(:hover, :focus-within)")?.classList.add("dismissed");
}
