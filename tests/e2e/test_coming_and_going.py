"""An owner brings in two people, and lets one go while work of theirs is queued."""

import re
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from tests.e2e import doing
from tests.e2e.browser import Visits
from tests.e2e.doing import AUDIT, SERVERS
from tests.e2e.panel import RunningPanel
from tests.e2e.test_passkeys import TWO_STEP, give_authenticator, sign_out
from tests.web.profile.ways import code_for

pytestmark = pytest.mark.e2e
MEMBERS = "/teams/acme/members/"
TOKEN = "vps_sandbox_acme_admin_0001"
PASSWORD = "a-long-enough-phrase-7"
THEIRS, OTHERS = "12345", "12346"
# As many pages as may wait for the provider at once, and the servers that they show.
PLACES = settings.PANEL_WEB_THREADS * 3 // 4
SLOW = ("12346", "12347", "12348", "12349", "12350", "12351")
PHONE = {"width": 390, "height": 844}
Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPanel]:
    """Its own: what happens to its people is nobody else's business."""
    with RunningPanel(tmp_path_factory.mktemp("panel") / "var") as running:
        yield running


@pytest.fixture(scope="module")
def visits(browser: Browser, panel: RunningPanel) -> Visits:
    return Visits(browser, panel.address)


def label(owner: Page, server_id: str, labels: str) -> None:
    owner.goto(f"{SERVERS}{server_id}/labels/")
    owner.get_by_label("Labels").fill(labels)
    owner.get_by_role("button", name="Save the labels").click()
    owner.wait_for_url(f"**{SERVERS}{server_id}/")


def invite(owner: Page, panel: RunningPanel, email: str, role: str, labels: str = "") -> str:
    """The path in the mail."""
    owner.goto(f"{MEMBERS}invite/")
    owner.get_by_label("E-mail").fill(email)
    owner.get_by_role("radio", name=re.compile(f"^{role}")).check()
    if labels:
        owner.get_by_role("radio", name=re.compile("labels", re.IGNORECASE)).check()
        owner.get_by_label("Labels", exact=True).fill(labels)
    owner.get_by_role("button", name="Send the invitation").click()
    expect(owner.get_by_text(f"on its way to {email}")).to_be_visible()
    found = re.search(r"/invitations/[A-Za-z0-9_-]+/", panel.newest_mail(email))
    assert found
    return found[0]


def join(page: Page, path: str, name: str) -> None:
    page.goto(path)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the account and join").click()
    page.wait_for_url(f"**{SERVERS}")


def add_app(page: Page) -> None:
    page.goto(f"{TWO_STEP}app/add/")
    secret = page.locator(".with-copy .mono").inner_text()
    page.get_by_label("Authenticator code").fill(code_for(secret))
    page.get_by_role("button", name="Add the app").click()
    page.wait_for_url(f"**{TWO_STEP}codes/")


def add_passkey(page: Page) -> None:
    give_authenticator(page)
    page.goto(f"{TWO_STEP}passkeys/add/")
    page.get_by_role("button", name="Add a passkey").click()
    page.wait_for_url(f"**{TWO_STEP}codes/")


def store_token(page: Page) -> None:
    page.goto("/teams/acme/tokens/")
    page.locator("input[name=token]").fill(TOKEN)
    page.get_by_role("button", name="Check and store").click()
    expect(page.get_by_role("button", name="Check and replace")).to_be_hidden()
    expect(page.get_by_text("Fingerprint").first).to_be_visible()


def sees_only_theirs(page: Page) -> None:
    page.goto(SERVERS, wait_until="networkidle")
    expect(page.locator("tr[data-server-id]")).to_have_count(1)
    expect(doing.row(page, THEIRS)).to_be_visible()
    for address in (f"{SERVERS}{OTHERS}/", f"{SERVERS}{OTHERS}/stop/"):
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 404
    page.goto(f"{SERVERS}?q=mail", wait_until="networkidle")
    expect(page.locator("tr[data-server-id]")).to_have_count(0)
    page.goto(doing.OPERATIONS)
    expect(page.locator("main")).not_to_contain_text(OTHERS)


def take_all_places(page: Page, panel: RunningPanel) -> None:
    """With pages that wait for the provider; others leave what they ask to the worker."""
    panel.door.fault("delay", method="GET", path=f"/servers/(?!{THEIRS})", times=None, seconds=6)
    began = panel.door.mark()
    page.evaluate(
        """addresses => addresses.forEach(address =>
            fetch(address, {headers: {"HX-Request": "true"}}).catch(() => null))""",
        [f"{SERVERS}{server_id}/" for server_id in SLOW],
    )
    doing.wait_until(lambda: len(panel.door.calls(began, changing=False)) >= PLACES)


@pytest.mark.parametrize("viewport", [None, PHONE], ids=["wide", "phone"])
def test_somebody_comes_works_and_goes(visit: Visit, panel: RunningPanel, viewport) -> None:
    kind = "phone" if viewport else "wide"
    nina_s, paul_s = f"nina-{kind}@example.org", f"paul-{kind}@example.org"
    owner = visit("owner")
    label(owner, THEIRS, "team:blue")
    nina, paul = visit(viewport=viewport), visit(viewport=viewport)

    join(nina, invite(owner, panel, nina_s, "Operator", "team:blue"), "Nina New")
    add_app(nina)
    sees_only_theirs(nina)
    store_token(nina)

    join(paul, invite(owner, panel, paul_s, "Viewer"), "Paul Pass")
    add_passkey(paul)
    sign_out(paul)
    paul.get_by_role("button", name="Use a passkey instead").click()
    paul.wait_for_url(f"**{SERVERS}")
    asks_why(paul)

    removed_with_work_queued(owner, nina, panel, nina_s)


def asks_why(page: Page) -> None:
    page.goto(f"{SERVERS}{THEIRS}/")
    button = page.get_by_role("button", name="Reboot", exact=True)
    expect(button).to_have_attribute("aria-disabled", "true")
    button.focus()
    page.get_by_role("link", name=re.compile("why", re.IGNORECASE)).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What you may do")
    expect(page.locator("main")).to_contain_text("Olivia Owner")


def removed_with_work_queued(owner: Page, nina: Page, panel: RunningPanel, email: str) -> None:
    tab = nina.context.new_page()
    tab.goto(SERVERS, wait_until="networkidle")
    began = panel.door.mark()
    nina.goto(f"{SERVERS}{THEIRS}/reboot/")
    owner.goto(MEMBERS)
    with panel.worker_stopped():
        take_all_places(owner, panel)
        nina.get_by_role("button", name="Reboot").click()
        doing.at_receipt(nina)
        assert doing.state(nina) == "requested"
        owner.get_by_role("row", name=re.compile(email)).get_by_role("link").first.click()
        user = owner.url.split("/members/")[1].split("/")[0]
        owner.goto(f"{MEMBERS}{user}/remove/")
        expect(owner.locator("main")).to_contain_text("will not be sent")
        owner.get_by_role("button", name=re.compile("^Remove")).click()
        owner.wait_for_url(f"**{MEMBERS}**")
    panel.door.clear_faults()
    expect(owner.get_by_role("heading", level=1)).to_have_text("To be revoked at VPS.org")
    expect(owner.get_by_role("row", name=re.compile(email))).to_be_visible()

    tab.evaluate("window.dispatchEvent(new Event('online'))")
    tab.wait_for_url(re.compile("/accounts/login/"))
    nina.goto(SERVERS)
    assert "/accounts/login/" in nina.url

    owner.goto(f"{AUDIT}?q={email}", wait_until="networkidle")
    expect(owner.locator("main")).to_contain_text("reboot")
    owner.wait_for_timeout(1500)
    assert not panel.door.changes(began), "what was queued is not sent"
