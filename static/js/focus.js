// A swap may take away what has the focus: it goes to the nearest control that is still there, and
// not back to the top of the page.
const CONTROLS = "a[href], button, input:not([type=hidden]), select, textarea, summary";

let had = null;

export function startFocus() {
  document.addEventListener("htmx:before:swap", remember);
  document.addEventListener("htmx:after:swap", handOn);
}

function remember() {
  const active = document.activeElement;
  const main = document.getElementById("main");
  if (!main?.contains(active)) return void (had = null);
  const all = [...main.querySelectorAll(CONTROLS)];
  const place = all.indexOf(active);
  // What comes after it first, then what came before, the nearest of each first.
  had = { active, others: [...all.slice(place + 1), ...all.slice(0, Math.max(place, 0)).reverse()] };
}

function handOn() {
  const { active, others } = had ?? {};
  if (!active || document.activeElement !== document.body) return;
  const again = active.id && document.getElementById(active.id);
  const next = again || others.find((one) => one.isConnected && one.checkVisibility());
  (next ?? document.getElementById("main")).focus({ preventScroll: true });
}
