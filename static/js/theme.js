// Light, dark, or as the system has it. A cookie, so that the server writes the choice into <html>
// and the page never flashes. On this browser it wins over the person's own setting.
const YEAR_SECONDS = 365 * 24 * 60 * 60;

export function startTheme() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-choice]");
    if (button) choose(button);
  });
}

function choose(button) {
  const choice = button.dataset.themeChoice;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  if (choice === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
  document.cookie = `theme=${choice}; Path=/; SameSite=Lax; Max-Age=${YEAR_SECONDS}${secure}`;
  for (const other of document.querySelectorAll("[data-theme-choice]")) {
    other.setAttribute("aria-checked", String(other === button));
  }
  button.closest("[popover]")?.hidePopover();
}
