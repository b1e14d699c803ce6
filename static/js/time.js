// Ages, clocks and moments: <time data-ago>, <time data-elapsed>, <time data-clock>, and
// <time data-moment> in this browser's zone, which <span data-zone> names. The server writes the
// same words first, so nothing jumps.
import { word } from "./words.js";

export function startTime() {
  refresh();
  localise();
  setInterval(() => document.hidden || refresh(), 1000);
  document.addEventListener("htmx:after:swap", refresh);
  document.addEventListener("htmx:after:swap", localise);
}

function refresh() {
  for (const time of document.querySelectorAll("time[data-ago]")) write(time, ago);
  for (const time of document.querySelectorAll("time[data-elapsed]")) write(time, elapsed);
  for (const time of document.querySelectorAll("time[data-clock]")) write(time, clock);
}

function localise() {
  const here = new Intl.DateTimeFormat("en", { timeZoneName: "short" });
  const abbreviation = (then) =>
    here.formatToParts(then).find(({ type }) => type === "timeZoneName")?.value ?? "";
  for (const time of document.querySelectorAll("time[data-moment]")) {
    write(time, (then) => `${date(then)} ${daytime(then)} ${abbreviation(then)}`);
  }
  for (const time of document.querySelectorAll("time[data-short]")) write(time, short);
  for (const place of document.querySelectorAll("[data-zone]")) {
    place.textContent = here.resolvedOptions().timeZone;
  }
}

function write(time, words) {
  const then = new Date(time.dateTime);
  if (Number.isNaN(then.getTime())) return;
  const text = words(then, Math.max(0, Math.floor((Date.now() - then) / 1000)));
  if (time.textContent !== text) time.textContent = text;
}

function ago(then, seconds) {
  if (seconds < 5) return word("agoNow");
  if (seconds < 60) return word("agoS", { n: seconds });
  if (seconds < 3600) return word("agoMin", { n: Math.floor(seconds / 60) });
  if (seconds < 86400) return word("agoH", { n: Math.floor(seconds / 3600) });
  const days = Math.floor(seconds / 86400);
  if (days < 31) return word(days === 1 ? "agoDay" : "agoDays", { n: days });
  return date(then);
}

function elapsed(_then, seconds) {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = two(seconds % 60);
  return hours ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}

function clock(then, seconds) {
  return seconds < 43200 ? daytime(then) : `${date(then)} ${daytime(then)}`;
}

function short(then) {
  const minutes = daytime(then).slice(0, 5);
  return date(then) === date(new Date()) ? minutes : `${date(then)} ${minutes}`;
}

function daytime(then) {
  return `${two(then.getHours())}:${two(then.getMinutes())}:${two(then.getSeconds())}`;
}

function date(then) {
  return `${then.getFullYear()}-${two(then.getMonth() + 1)}-${two(then.getDate())}`;
}

function two(number) {
  return String(number).padStart(2, "0");
}
