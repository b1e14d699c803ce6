"""Every page there is, in the states that look different; for axe, narrow screens and pictures."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from playwright.sync_api import Page

from tests.e2e import doing
from tests.e2e.doing import AUDIT, OPERATIONS, REVIEW, SERVERS, TODAY
from tests.e2e.panel import SandboxDoor

Visit = Callable[..., Page]
Scheme = Literal["light", "dark"]
SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")
ACTIVE, EU, STOPPED, MAIL = "12345", "12347", "12348", "12349"


@dataclass(frozen=True)
class Place:
    """`path` may name a receipt in braces; `then` brings the page into its state."""

    name: str
    path: str
    person: str = "owner"
    then: Callable[[Page], None] = lambda _page: None


def _click(name: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_role("button", name=name).first.click()


def _link(name: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_role("link", name=name).first.click()


def _open(selector: str) -> Callable[[Page], None]:
    return lambda page: page.locator(selector).first.click()


def _sign_in_wrongly(page: Page) -> None:
    page.locator("[name=login]").fill("nobody@example.com")
    page.locator("[name=password]").fill("wrong-password")
    page.get_by_role("button", name="Sign in").click()


def _without_cookies(page: Page) -> None:
    page.context.clear_cookies()
    page.get_by_role("button", name="Sign in").click()


def _member_menu(page: Page) -> None:
    page.get_by_role("button", name="Oscar Operator").click()


def _of_member(entry: str) -> Callable[[Page], None]:
    def then(page: Page) -> None:
        _member_menu(page)
        page.get_by_role("link", name=entry).click()

    return then


def _to_disconnect(page: Page) -> None:
    _link("Rename or disconnect")(page)
    page.get_by_role("link", name="Disconnect Acme").click()


def _issue_key(page: Page) -> None:
    page.locator("[name=name]").fill(f"ci-{secrets.token_hex(3)}")
    page.locator("[name=rights][value=some]").check()
    page.locator("[name=permissions][value='servers.reboot']").check()
    page.locator("[name=addresses]").fill("203.0.113.0/24 2001:db8::/48")
    page.get_by_role("button", name="Issue the key").click()


def _issue_key_twice(page: Page) -> None:
    sent = page.locator("main [name=form_id]").input_value()
    _issue_key(page)
    page.locator(".key-text").wait_for()
    page.goto(f"{KEYS}new/")
    page.locator("main [name=form_id]").evaluate("(field, value) => { field.value = value; }", sent)
    _issue_key(page)


def _with_key(then: Callable[[Page], None] = lambda _page: None) -> Callable[[Page], None]:
    """On the list, with one there."""

    def so(page: Page) -> None:
        _issue_key(page)
        page.get_by_role("link", name="Back to your panel keys").click()
        page.wait_for_url(f"**{KEYS}")
        then(page)

    return so


def _rotate_key(page: Page) -> None:
    _link("Rotate")(page)
    page.get_by_role("button", name="Issue the new key").click()


def _typed_for_script(page: Page) -> None:
    page.get_by_text("Use the API").click()
    page.locator("[name=name]").fill("web-09")
    page.locator("#typed", has_text='"web-09"').wait_for()


def _wrong_label(page: Page) -> None:
    page.locator("[name=labels]").fill("no/label")
    page.get_by_role("button", name="Save the labels").click()


def _wrong_policy(page: Page) -> None:
    page.locator("[name=reason_labels]").fill("no/label")
    page.locator("[name=idle_minutes]").fill("1")
    page.get_by_role("button", name="Save the policies").click()


def _wrong_hook(page: Page) -> None:
    page.locator("[name=webhook]").fill("http://audit.example.com/")
    page.locator("[name=mail]").fill("nobody")
    page.get_by_role("button", name="Save the addresses").click()


def _suggested(page: Page) -> None:
    page.locator("#query").press_sequentially("a")
    page.locator("#suggestions [role=option]").first.wait_for()


def _request(page: Page) -> None:
    page.locator(".event summary").first.click()
    page.locator("dd a[href*='/audit/requests/']:visible").click()


def _prepare(page: Page) -> None:
    """The demo's log is short enough to be given at once; but of two bundles within a minute the
    second waits for the next checkpoint."""
    bundle = page.get_by_role("region", name="Bundle").locator("form")
    first = page.evaluate(
        "form => fetch(form.action, {method: 'POST', body: new FormData(form)}).then(a => a.url)",
        bundle.element_handle(),
    )
    if re.search(r"/export/[0-9a-f-]{36}/$", first):  # somebody else's was within that minute
        page.goto(first)
    else:
        bundle.get_by_role("button").click()
    page.get_by_role("link", name="Download").wait_for(timeout=100_000)


TEAM = "/teams/acme/"
KEYS = f"{TEAM}panel-keys/"
NEW = f"{SERVERS}new/"
PLACES = (
    Place("sign-in", "/accounts/login/", ""),
    Place("sign-in-refused", "/accounts/login/", "", _sign_in_wrongly),
    Place("form-too-old", "/accounts/login/", "", _without_cookies),
    Place("password-forgotten", "/accounts/password/reset/", ""),
    Place("password-change", "/accounts/password/change/"),
    Place("sign-out", "/accounts/logout/"),
    Place("own-settings", "/account/settings/"),
    Place("own-address", "/accounts/email/"),
    Place("two-step", "/accounts/two-step/"),
    Place("app-add", "/accounts/two-step/app/add/"),
    Place("app-add-errors", "/accounts/two-step/app/add/", "owner", _click("Add the app")),
    Place("passkeys", "/accounts/two-step/passkeys/"),
    Place("passkey-add", "/accounts/two-step/passkeys/add/"),
    Place("sessions", "/accounts/sessions/"),
    Place("asked-again", "/accounts/reauthenticate/"),
    Place("styleguide", "/styleguide/", ""),
    Place("not-found", SERVERS, "outsider"),
    Place("not-allowed", NEW, "viewer"),
    Place("servers", SERVERS),
    Place("servers-viewer", SERVERS, "viewer"),
    Place("servers-filtered", f"{SERVERS}?status=stopped&sort=-name"),
    Place("servers-no-match", f"{SERVERS}?q=there-is-none"),
    Place("servers-menu", SERVERS, "owner", _open("[popovertarget$=-menu][id]")),
    Place("servers-help", SERVERS, "owner", lambda page: page.keyboard.press("?")),
    Place("server", f"{SERVERS}{ACTIVE}/"),
    Place("server-stopped", f"{SERVERS}{STOPPED}/", "viewer"),
    Place("server-new", NEW, "operator"),
    Place("server-api", f"{SERVERS}{ACTIVE}/", "operator", _open("text=Use the API")),
    Place("server-new-api", NEW, "operator", _typed_for_script),
    Place("server-new-errors", NEW, "operator", _click("Create server")),
    Place("server-edit", f"{SERVERS}{ACTIVE}/edit/"),
    Place("server-start-illegal", f"{SERVERS}{ACTIVE}/start/"),
    Place("server-stop", f"{SERVERS}{ACTIVE}/stop/"),
    Place("server-reboot", f"{SERVERS}{ACTIVE}/reboot/"),
    Place("server-delete", f"{SERVERS}{ACTIVE}/delete/"),
    Place("server-delete-errors", f"{SERVERS}{ACTIVE}/delete/", "owner", _click("Delete web-")),
    Place("operations", OPERATIONS),
    Place("operations-no-match", f"{OPERATIONS}?q=there-is-none"),
    Place("receipt-observed", f"{OPERATIONS}{{observed}}/"),
    Place("receipt-failed", f"{OPERATIONS}{{failed}}/"),
    Place("receipt-unknown", f"{OPERATIONS}{{unknown}}/"),
    Place("audit", AUDIT, "auditor"),
    Place("audit-opened", f"{AUDIT}?q={{observed}}", "auditor", _open(".event summary")),
    Place("audit-no-match", f"{AUDIT}?q=there-is-none", "auditor"),
    Place("audit-wrong-word", f"{AUDIT}?q=actor:bob+after:soon", "auditor"),
    Place("audit-fields", f"{AUDIT}?q=result:done", "auditor", _open(".ask-more summary")),
    Place("audit-suggestions", AUDIT, "auditor", _suggested),
    Place("audit-timeline", f"{AUDIT}?q=target:server/{ACTIVE}", "auditor"),
    Place("audit-request", f"{AUDIT}?q=action:server.reboot", "auditor", _request),
    Place("audit-event", f"{AUDIT}1/", "auditor"),
    Place("audit-checkpoints", f"{AUDIT}checkpoints/"),
    Place("audit-checkpoints-errors", f"{AUDIT}checkpoints/", "owner", _wrong_hook),
    Place("audit-checkpoints-auditor", f"{AUDIT}checkpoints/", "auditor"),
    Place("audit-verification", f"{AUDIT}verification/", "auditor"),
    Place("audit-export", f"{AUDIT}export/", "auditor"),
    Place("audit-export-filtered", f"{AUDIT}export/?actor=owner&result=done", "auditor"),
    Place("audit-export-wrong", f"{AUDIT}export/?format=exe", "auditor"),
    Place("audit-export-prepared", f"{AUDIT}export/?target=Acme", "auditor", _prepare),
    Place("audit-outside", f"{AUDIT}outside/", "auditor"),
    Place("audit-today", TODAY, "auditor"),
    Place("audit-review", REVIEW, "auditor"),
    Place("audit-review-own", REVIEW),
    Place("audit-review-refused", REVIEW, "auditor", _click("Sign off what is chosen")),
    Place("audit-review-nothing", f"{REVIEW}?rule=exports", "auditor"),
    Place("audit-review-rules", f"{REVIEW}rules/"),
    Place("audit-review-rules-read", f"{REVIEW}rules/", "auditor"),
    Place("audit-review-event", REVIEW, "auditor", _open("[data-row-link]")),
    Place("tokens", f"{TEAM}tokens/"),
    Place("tokens-viewer", f"{TEAM}tokens/", "viewer"),
    Place("token-remove", f"{TEAM}tokens/", "owner", _link("Remove your token")),
    Place("account-connect", f"{TEAM}accounts/connect/"),
    Place("account-connect-errors", f"{TEAM}accounts/connect/", "owner", _click("Check and")),
    Place("panel-keys-none", KEYS, "viewer"),
    Place("panel-key-new", f"{KEYS}new/"),
    Place("panel-key-new-viewer", f"{KEYS}new/", "viewer"),
    Place("panel-key-new-errors", f"{KEYS}new/", "owner", _click("Issue the key")),
    Place("panel-key-shown", f"{KEYS}new/", "owner", _issue_key),
    Place("panel-key-shown-before", f"{KEYS}new/", "operator", _issue_key_twice),
    Place("panel-keys", f"{KEYS}new/", "owner", _with_key()),
    Place("panel-key-rotate", f"{KEYS}new/", "owner", _with_key(_link("Rotate"))),
    Place("panel-key-rotated", f"{KEYS}new/", "owner", _with_key(_rotate_key)),
    Place("panel-key-revoke", f"{KEYS}new/", "owner", _with_key(_link("Revoke"))),
    Place("api", f"{TEAM}api/", "viewer"),
    Place("api-python", f"{TEAM}api/", "operator", _link("Python")),
    Place("members", f"{TEAM}members/"),
    Place("members-menu", f"{TEAM}members/", "owner", _member_menu),
    Place("member", f"{TEAM}members/", "owner", _of_member("Change role")),
    Place("member-access", f"{TEAM}members/", "owner", _of_member("What they may do")),
    Place("member-suspend", f"{TEAM}members/", "owner", _of_member("Suspend")),
    Place("member-remove", f"{TEAM}members/", "owner", _of_member("Remove")),
    Place("ownership-offer", f"{TEAM}members/", "owner", _of_member("Hand the team over")),
    Place("own-access", NEW, "viewer", _link("See what you may do")),
    Place("leave", f"{TEAM}members/leave/", "viewer"),
    Place("revocations", f"{TEAM}members/revocations/"),
    Place("invite", f"{TEAM}members/invite/"),
    Place("invite-errors", f"{TEAM}members/invite/", "owner", _click("Send the invitation")),
    Place("invitation-unusable", "/invitations/x/", ""),
    Place("policies", f"{TEAM}policies/"),
    Place("policies-errors", f"{TEAM}policies/", "owner", _wrong_policy),
    Place("policies-viewer", f"{TEAM}policies/", "viewer"),
    Place("team-new", "/teams/new/"),
    Place("team-new-errors", "/teams/new/", "owner", _click("Create the team")),
    Place("team-menu", f"{TEAM}servers/", "owner", _click("Team:")),
    Place("team-settings", f"{TEAM}settings/"),
    Place("team-close", f"{TEAM}close/"),
    Place("account", f"{TEAM}tokens/", "owner", _link("Rename or disconnect")),
    Place("account-disconnect", f"{TEAM}tokens/", "owner", _to_disconnect),
    Place("roles", f"{TEAM}roles/"),
    Place("role-new", f"{TEAM}roles/new/?from=operator"),
    Place("role-new-errors", f"{TEAM}roles/new/", "owner", _click("Add the role")),
    Place("server-labels", f"{SERVERS}{ACTIVE}/labels/"),
    Place("server-labels-errors", f"{SERVERS}{ACTIVE}/labels/", "owner", _wrong_label),
    Place("server-lock", f"{SERVERS}{ACTIVE}/lock/"),
    Place("server-lock-errors", f"{SERVERS}{ACTIVE}/lock/", "owner", _click("Lock web-")),
    Place("server-unlock", f"{SERVERS}{ACTIVE}/unlock/"),
)


def receipts(visit: Visit, door: SandboxDoor) -> dict[str, str]:
    """One receipt for each way to end that looks different."""
    page = visit("operator")
    found = {"observed": _reboot(page, MAIL)}
    doing.until_observed(page)
    door.fault("status", method="POST", path="/reboot/$", status=403, body={"detail": "Not now."})
    found["failed"] = _reboot(page, ACTIVE)
    door.fault("drop_after", method="POST", path="/reboot/$")
    found["unknown"] = _reboot(page, EU)
    page.close()
    return found


def _reboot(page: Page, server_id: str) -> str:
    page.goto(f"{SERVERS}{server_id}/reboot/")
    page.get_by_role("button", name="Reboot").click()
    doing.at_receipt(page)
    return doing.operation_id(page)


def go(page: Page, place: Place, known: dict[str, str]) -> None:
    page.goto(place.path.format(**known), wait_until="networkidle")
    place.then(page)
    page.wait_for_load_state("load")


def in_scheme(page: Page, scheme: Scheme) -> None:
    """Colours on their way from one theme to the other are nobody's: waits for them to arrive."""
    page.emulate_media(color_scheme=scheme)
    page.evaluate(
        """() => new Promise(requestAnimationFrame).then(() => Promise.all(
            document.getAnimations()
                .filter((one) => one instanceof CSSTransition)
                .map((one) => one.finished.catch(() => {}))))"""
    )
