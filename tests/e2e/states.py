"""States that an address alone does not lead to: an outage, a change nobody knows the end of, a
session that has ended, rows that differ. Each brings the panel there, and mends it afterwards."""

import textwrap
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Final

from playwright.sync_api import Page

from tests.e2e import doing
from tests.e2e.browser import Visits, sign_in
from tests.e2e.doing import AUDIT, OPERATIONS, SERVERS
from tests.e2e.panel import POWER_SECONDS, RunningPanel
from tests.e2e.places import ACTIVE, EU, NEW, TEAM, Place

LOGIN: Final = "/accounts/login/"
LONG: Final = (
    "a-name-that-somebody-made-of-all-there-is-to-say-about-a-database-of-the-shop-replica-2"
)


@dataclass(frozen=True)
class Stage:
    visits: Visits
    panel: RunningPanel

    def shell(self, code: str) -> str:
        return self.panel.manage("shell", "-v0", "-c", textwrap.dedent(code))

    def until(self, path: str, selector: str, person: str = "owner") -> None:
        """Loads a page until it shows this."""
        page = self.visits.visit(person)
        doing.wait_until(lambda: page.goto(path) and page.locator(selector).count(), pause=1)
        page.context.close()


@dataclass(frozen=True)
class State:
    """`bring`: what it is like, until the block ends; it may give names for braces in paths."""

    name: str
    bring: Callable[[Stage], Any]
    places: tuple[Place, ...] = ()


@contextmanager
def _outage(stage: Stage) -> Iterator[dict[str, str]]:
    """An answered 503 for everything; one reboot was on its way when it began."""
    door = stage.panel.door
    door.fault("drop_after", method="POST", path="/reboot/$")
    known = {"lost": _reboot(stage, ACTIVE)}
    door.fault("status", path="", status=503, times=None, body={"detail": "We are repairing it."})
    stage.until(SERVERS, "#provider-state[data-tone=warn]")
    yield known
    door.clear_faults()
    stage.until(SERVERS, "#provider-state[data-tone=good]")


@contextmanager
def _slow(stage: Stage) -> Iterator[None]:
    stage.panel.door.fault("hang", path="", seconds=30, times=None)
    stage.until(SERVERS, "#provider-state[data-tone=warn]")
    yield
    stage.panel.door.clear_faults()
    stage.until(SERVERS, "#provider-state[data-tone=good]")


@contextmanager
def _token_refused(stage: Stage) -> Iterator[None]:
    stage.panel.door.fault("status", path="", status=401, times=None, body={"detail": "Bad token."})
    stage.until(SERVERS, "#provider-state[data-tone=warn]")
    yield
    stage.panel.door.clear_faults()
    stage.shell("from controlpanel.servers import sync; from controlpanel.accounts.models import "
                "Account; [sync.try_again(one) for one in Account.objects.all()]")  # fmt: skip
    stage.until(SERVERS, "#provider-state[data-tone=good]")


@contextmanager
def _unknown_and_failed(stage: Stage) -> Iterator[dict[str, str]]:
    """One reboot nobody knows the end of, though the panel saw it; one that was refused."""
    door = stage.panel.door
    # Long enough to be seen by whoever looks.
    door.ask("POST", "settings", {"power_seconds": 10})
    door.fault("drop_after", method="POST", path="/reboot/$")
    known = {"seen": _reboot(stage, EU)}
    door.fault("status", method="POST", path="/reboot/$", status=403,
               body={"detail": "The host is in maintenance until 04:00."})  # fmt: skip
    known["refused"] = _reboot(stage, ACTIVE, opens=False)
    stage.until(f"{OPERATIONS}{known['seen']}/", "#confirm-seen", "operator")
    yield known
    door.ask("POST", "settings", {"power_seconds": POWER_SECONDS})


def _reboot(stage: Stage, server_id: str, *, opens: bool = True) -> str:
    """Its id. Who opens the receipt of what was not done has noticed it."""
    page = stage.visits.visit("operator")
    page.goto(f"{SERVERS}{server_id}/reboot/")
    if not opens:
        page.evaluate(
            """() => {
                const form = document.querySelector("form.confirm");
                return fetch(form.action, {
                    method: "POST", body: new FormData(form), redirect: "manual"});
            }"""
        )
        page.goto(OPERATIONS)
        newest = page.locator("tr[data-operation-id]").first.get_attribute("data-operation-id")
        page.context.close()
        return newest or ""
    page.get_by_role("button", name="Reboot").click()
    doing.at_receipt(page)
    found = doing.operation_id(page)
    page.context.close()
    return found


@contextmanager
def _long_names(stage: Stage) -> Iterator[dict[str, str]]:
    made = stage.panel.door.add_server(name=LONG, hostname=f"{LONG[:60]}.{LONG[:60]}.example.com")
    stage.until(SERVERS, f'tr[data-server-id="{made}"]')
    yield {"long": made}
    stage.panel.door.remove_server(made)


@contextmanager
def _twin(stage: Stage) -> Iterator[dict[str, str]]:
    """A second account that shows servers of the first: read-only."""
    stage.shell(
        f"""
        from controlpanel.accounts import access, services
        from controlpanel.accounts.models import Account, Team
        from controlpanel.servers.models import Server
        first = Account.objects.get(name="Acme")
        scope = access.command_scope(first.team, frozenset({{"accounts.connect"}}))
        twin = services.add_account(scope, "Acme again")
        Account.objects.filter(id=twin.id).update(origin=first.origin)
        old = Server.objects.get(account=first, provider_id="{ACTIVE}")
        old.pk, old.account = None, twin
        old.save(force_insert=True)
        """
    )
    yield {}
    stage.shell(
        """
        from controlpanel.accounts.models import Account
        from controlpanel.servers.models import Server
        from controlpanel.lib import clock
        Server.objects.filter(account__name="Acme again").delete()
        Account.objects.filter(name="Acme again").update(disconnected_at=clock.now())
        """
    )


@contextmanager
def _rows_differ(stage: Stage) -> Iterator[None]:
    """Somebody made themselves an owner with SQL."""
    change = """
        from controlpanel.accounts.models import Membership
        from controlpanel.audit import differences
        vera = Membership.objects.filter(user__email="viewer@example.com", team__slug="acme")
        vera.update(role={})
        differences.check_all()
        """
    stage.shell(change.format('"owner"'))
    stage.until(SERVERS, ".banner.bad")
    yield
    stage.shell(change.format('"viewer"'))


@contextmanager
def _as_it_is(_stage: Stage) -> Iterator[None]:
    yield


@contextmanager
def _label_decides(stage: Stage) -> Iterator[None]:
    """The viewer sees servers that have a label."""
    reach = """
        from controlpanel.accounts import access, members, policy
        from controlpanel.accounts.models import Membership
        from controlpanel.lib.scope import EVERYTHING, Reach
        viewer = Membership.objects.get(user__email="viewer@example.com", team__slug="acme")
        scope = access.command_scope(viewer.team, frozenset(policy.PERMISSIONS))
        members.change(scope, viewer, "viewer", {})
        """
    stage.shell(reach.format('Reach("labels", labels=frozenset({"env:prod"}))'))
    yield
    stage.shell(reach.format("EVERYTHING"))


def _end_session(page: Page) -> None:
    """Signs out in another window of the same browser; the page and its cookies stay."""
    cookies = page.context.cookies()
    with closing(page.context.new_page()) as other:
        other.goto("/accounts/logout/")
        other.locator("main").get_by_role("button", name="Sign out").click()
        other.wait_for_url(f"**{LOGIN}**")
    page.context.clear_cookies()
    page.context.add_cookies(cookies)  # type: ignore[arg-type]  # what it gave, it takes


def _sent_after_the_end(page: Page) -> None:
    sign_in(page, "operator")
    page.wait_for_url(f"**{SERVERS}")
    doing.fill_create(page, "typed-before")
    _end_session(page)
    doing.create_button(page).click()
    page.wait_for_url(f"**{LOGIN}**")


def _typed_again(page: Page) -> None:
    _sent_after_the_end(page)
    page.locator("[name=login]").fill("operator@example.com")
    page.locator("[name=password]").fill("demo-panel-1")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"**{NEW}**")


def _other_content(page: Page) -> None:
    """Back, another name, once more."""
    doing.create(page, "other-content")
    page.go_back()
    page.get_by_label("Name", exact=True).fill("other-content-2")
    doing.create_button(page).click()
    page.locator(".banner").first.wait_for()


def _who_gains(page: Page) -> None:
    page.locator("[name=labels]").fill("env:prod")
    page.get_by_role("button", name="Save the labels").click()
    page.get_by_role("button", name="Save, and change who sees it").wait_for()


def _new_address(page: Page) -> None:
    page.locator("[name=email]").fill("olivia@example.net")
    page.get_by_role("button", name="Send the link").click()
    page.get_by_role("heading", name="Waiting to be confirmed").wait_for()


def _provider_menu(page: Page) -> None:
    page.locator("#provider-button").click()


WEB: Final = f"{SERVERS}{ACTIVE}/"
STATES: Final = (
    State("unknown", _unknown_and_failed, (
        Place("unknown-servers", SERVERS, "operator"),
        Place("unknown-servers-viewer", SERVERS, "viewer"),
        Place("unknown-server", f"{SERVERS}{EU}/", "operator"),
        Place("unknown-server-viewer", f"{SERVERS}{EU}/", "viewer"),
        Place("unknown-receipt", f"{OPERATIONS}{{seen}}/", "operator"),
        Place("unknown-receipt-viewer", f"{OPERATIONS}{{seen}}/", "viewer"),
        Place("unknown-stop", f"{SERVERS}{EU}/stop/", "operator"),
        Place("failed-server", WEB, "owner"),
        Place("failed-receipt", f"{OPERATIONS}{{refused}}/", "owner"),
    )),
    State("outage", _outage, (
        Place("outage-servers", SERVERS, "operator"),
        Place("outage-accounts", SERVERS, "operator", _provider_menu),
        Place("outage-server", WEB, "operator"),
        Place("outage-receipt", f"{OPERATIONS}{{lost}}/", "operator"),
        Place("outage-confirm", f"{SERVERS}{EU}/reboot/", "operator"),
        Place("outage-create", NEW, "operator"),
        Place("outage-audit", AUDIT, "auditor"),
    )),
    State("slow", _slow, (Place("slow-servers", SERVERS), Place("slow-server", WEB))),
    State("token", _token_refused, (
        Place("token-servers", SERVERS), Place("token-server", WEB, "operator"),
        Place("token-tokens", f"{TEAM}tokens/"),
    )),
    State("names", _long_names, (
        Place("names-servers", SERVERS),
        Place("names-server", f"{SERVERS}{{long}}/"),
        Place("names-delete", f"{SERVERS}{{long}}/delete/"),
        Place("names-lock", f"{SERVERS}{{long}}/lock/"),
    )),
    State("twin", _twin, (
        Place("twin-servers", SERVERS), Place("twin-tokens", f"{TEAM}tokens/"),
    )),
    State("session", _as_it_is, (
        Place("session-ended", LOGIN, "", _sent_after_the_end),
        Place("session-typed-again", LOGIN, "", _typed_again),
        Place("form-other-content", SERVERS, "operator", _other_content),
        Place("address-waiting", "/accounts/email/", "owner", _new_address),
    )),
    State("label", _label_decides, (
        Place("labels-who-gains", f"{WEB}labels/", "owner", _who_gains),
    )),
    State("differ", _rows_differ, (
        Place("differ-servers", SERVERS, "owner"),
        Place("differ-rows", f"{AUDIT}differences/"),
        Place("differ-refused", SERVERS, "viewer"),
        Place("differ-others", SERVERS, "operator"),
    )),
)  # fmt: skip
