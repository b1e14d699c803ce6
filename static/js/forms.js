// Forms that cannot be sent twice, addresses without empty filters, and the way to what is wrong.
const FORGET_MS = 30000;

export function startForms() {
  document.addEventListener("submit", sendOnce, true);
  document.addEventListener("htmx:finally:request", ({ detail }) => free(detail.ctx.sourceElement));
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) for (const form of document.querySelectorAll("[data-sent]")) free(form);
  });
  document.addEventListener("click", ignoreDisabled, true);
  document.addEventListener("formdata", dropEmpty);
  document.addEventListener("change", (event) => {
    const group = event.target.closest?.("[data-other]");
    if (group) showOther(group);
  });
  document.addEventListener("htmx:after:swap", ({ detail }) => {
    refresh();
    if (detail.ctx?.response?.status >= 400) focusTrouble();
  });
  refresh();
  focusTrouble();
  keepFormId();
}

// The browser's Back brings a new page with what was typed: it is to be the same form again.
function keepFormId() {
  const field = document.querySelector(":is(.form, .confirm) > [name=form_id]");
  if (!field) return;
  const kept = history.state?.formId;
  const wentBack = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
  if (wentBack && kept) field.value = kept;
  else history.replaceState({ ...history.state, formId: field.value }, "");
}

// The server has its own guard (form_id); this one spares the second request.
function sendOnce(event) {
  const form = event.target;
  if (!form.matches("[data-once]")) return;
  if ("sent" in form.dataset) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  form.dataset.sent = "";
  const button = event.submitter ?? form.querySelector("button:not([type=button])");
  button?.setAttribute("aria-busy", "true");
  setTimeout(() => free(form), FORGET_MS);
}

function free(form) {
  if (!(form instanceof HTMLFormElement)) return;
  delete form.dataset.sent;
  // A button may stand outside its form.
  for (const button of form.elements) button.removeAttribute("aria-busy");
}

function ignoreDisabled(event) {
  if (!event.target.closest?.('[aria-disabled="true"]')) return;
  event.preventDefault();
  event.stopPropagation();
}

function dropEmpty(event) {
  if (event.target.method !== "get") return;
  for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
}

function refresh() {
  for (const group of document.querySelectorAll("[data-other]")) showOther(group);
}

function showOther(group) {
  const other = group.querySelector("[data-other-field]");
  const select = group.querySelector("select");
  if (other && select) other.hidden = select.value !== "other";
}

function focusTrouble() {
  document.querySelector("[data-focus]")?.focus();
}
