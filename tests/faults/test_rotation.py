"""Every key of the ring is replaced while twenty people work, and none of them notices."""

import itertools
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
import requests

from controlpanel.keys.ring import PURPOSES
from tests.faults.running import Browser, RunningPanel

pytestmark = [pytest.mark.deep, pytest.mark.timeout(400)]

CLIENTS = 20
TEAM = "/teams/acme/"
SERVERS = f"{TEAM}servers/"
IDS = ("12345", "12346", "12347", "12349")
LOOKING = (SERVERS, f"{TEAM}tokens/", f"{TEAM}operations/", f"{TEAM}members/")
# A key is retired a minute after it was last needed, so that no process still works with it.
SETTLED_SECONDS = 62


@dataclass
class Seen:
    """What all of them got."""

    codes: Counter[int] = field(default_factory=Counter)
    troubles: list[str] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)

    def note(self, answers: list[requests.Response]) -> None:
        for answer in answers:
            for one in (*answer.history, answer):
                self.codes[one.status_code] += 1
                # 409: somebody else was quicker with the same server.
                if one.status_code >= 400 and one.status_code != 409:
                    self.troubles.append(f"{one.request.method} {one.url}: {one.status_code}")


@pytest.fixture
def panel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPanel]:
    running = RunningPanel(tmp_path_factory.mktemp("rotation"))
    yield running
    running.stop()


def click(browser: Browser, seen: Seen, number: int, stop: threading.Event) -> None:
    """Looks around as people do, and now and then starts or stops a server of their own."""
    server = IDS[number % len(IDS)]
    pages = itertools.cycle((*LOOKING, f"{SERVERS}{server}/"))
    turns = itertools.count(number)
    while not stop.is_set():
        browser.answers.clear()
        try:
            browser.page(next(pages))
            browser.page(SERVERS, **{"HX-Request": "true"})
            if next(turns) % 6 == 0 and number < len(IDS):
                seen.sent[power(browser, server)] += 1
        except requests.RequestException as error:
            seen.troubles.append(repr(error))
        seen.note(browser.answers)
        stop.wait(1.0)


def power(browser: Browser, server: str) -> str:
    """The state that its receipt shows; "" where the server was on its way somewhere."""
    shown = browser.page(f"{SERVERS}{server}/").text
    found = re.search(r'data-status="(\w+)"', shown)
    kind = {"active": "stop", "stopped": "start"}.get(found[1] if found else "", "")
    if not kind:
        return ""
    answer = browser.send_form(f"{SERVERS}{server}/{kind}/")
    return browser.state(answer.url.removeprefix(browser.url)) if answer.ok else ""


def keys(panel: RunningPanel, *words: str) -> str:
    done = panel.command("keys", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def refused(panel: RunningPanel, *words: str) -> str:
    done = panel.command("keys", *words)
    assert done.returncode == 1, done.stdout + done.stderr
    return " ".join(done.stderr.split())


def rotate(panel: RunningPanel) -> None:
    for purpose in PURPOSES:
        keys(panel, "add", purpose)
    for purpose in PURPOSES:
        keys(panel, "promote", f"{purpose}-2", "--in", "5")
    time.sleep(6)
    # Stored tokens are still sealed with it.
    assert "stored values need it" in refused(panel, "retire", "credential-1")
    assert "sealed anew with credential-2" in keys(panel, "rewrap")
    time.sleep(SETTLED_SECONDS)
    keys(panel, "retire", "credential-1")
    keys(panel, "retire", "mfa-1")
    # What was signed stays signed: these are needed for as long as their records are kept.
    assert "(the audit log)" in refused(panel, "retire", "audit-mac-1")
    assert "credential-1" in keys(panel, "status")


def test_twenty_people_notice_nothing(panel: RunningPanel) -> None:
    seen, stop = Seen(), threading.Event()
    names = itertools.cycle(("owner", "admin", "operator"))
    browsers = [panel.browser(next(names)) for _number in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        clicking = [
            pool.submit(click, browser, seen, number, stop)
            for number, browser in enumerate(browsers)
        ]
        try:
            rotate(panel)
        finally:
            stop.set()
    for one in clicking:
        one.result()
    print(f"answers {dict(seen.codes)}, actions {dict(seen.sent)}")  # noqa: T201 the figures
    assert seen.troubles == []
    assert seen.codes[200] > CLIENTS * 20
    assert seen.sent["accepted"] + seen.sent["observed"] > 5
    assert not seen.sent.keys() - {"accepted", "observed", ""}
    checked = panel.command("verify_audit")
    assert checked.returncode == 0, checked.stdout
    # With the new keys only, after everybody has started again.
    assert panel.command("preflight").returncode == 0
