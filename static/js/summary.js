// The summary beside the form of a new server says what is chosen, as it is chosen.
export function startSummary() {
  const form = document.querySelector("[data-summarised]");
  const summary = document.querySelector("[data-summary]");
  if (!form || !summary) return;
  const show = () => {
    for (const place of summary.querySelectorAll("[data-of]")) {
      place.textContent = chosen(form, place.dataset.of) || "–";
    }
  };
  form.addEventListener("input", show);
  form.addEventListener("input", writeScript);
  document.querySelector("#use-api")?.addEventListener("toggle", writeScript);
  show();
}

// What a script would send is written by the server, for who has that open.
function writeScript() {
  document.querySelector("#use-api[open] > #typed")?.dispatchEvent(new Event("typed"));
}

function chosen(form, name) {
  const plan = form.querySelector('[name="plan_id"]:checked');
  if (name === "price") return plan?.dataset.price ?? "";
  const field = form.elements[name];
  const value = field?.value ?? "";
  if (value === "other") return form.elements[`${name}_other`].value.trim();
  if (name === "plan_id") return plan?.dataset.label ?? "";
  if (field instanceof HTMLSelectElement) return value && field.selectedOptions[0].label;
  return value.trim();
}
