// The scripts' words stand in the page, translated: <div id="words" data-…>.
const words = document.getElementById("words")?.dataset ?? {};

export function word(name, values = {}) {
  return (words[name] ?? "").replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}
