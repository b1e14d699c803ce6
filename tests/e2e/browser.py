"""Visits: pages of a browser that is signed in as one of the demo people, and what went wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Request, Response, sync_playwright

from dev.chromium import find_chromium
from dev.run import DEMO_PASSWORD

TEAM = {"outsider": "globex"}
# The browser's own note of a status that the panel meant.
_MEANT = "Failed to load resource: the server responded with a status of"
_PAGES = {"document", "xhr", "fetch"}


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium())
        yield browser
        browser.close()


@dataclass
class Visits:
    """Sign-ins are kept: everybody signs in once, however many visits follow."""

    browser: Browser
    address: str
    troubles: list[str] = field(default_factory=list)
    _signed_in: dict[str, Any] = field(default_factory=dict)
    _open: list[BrowserContext] = field(default_factory=list)

    def visit(self, person: str = "", *, javascript: bool = True, **options: Any) -> Page:
        """A fresh browser. `person`: the name before @example.com, or nobody."""
        if person and person not in self._signed_in:
            self._signed_in[person] = self._sign_in(person)
        context = self.browser.new_context(
            base_url=self.address,
            java_script_enabled=javascript,
            storage_state=self._signed_in.get(person),
            reduced_motion="reduce",
            **options,
        )
        context.set_default_timeout(15_000)
        self._open.append(context)
        page = context.new_page()
        self._watch(page)
        return page

    def close(self) -> None:
        for context in self._open:
            context.close()
        self._open.clear()

    def _sign_in(self, person: str) -> Any:
        page = self.visit()
        sign_in(page, person)
        start = "audit/today" if person == "auditor" else "servers"
        page.wait_for_url(f"**/teams/{TEAM.get(person, 'acme')}/{start}/")
        return page.context.storage_state()

    def _watch(self, page: Page) -> None:
        def said(text: str) -> None:
            self.troubles.append(f"{page.url}: {text}")

        def answered(response: Response) -> None:
            if response.status >= 500 or (
                response.status >= 400 and response.request.resource_type not in _PAGES
            ):
                said(f"{response.status} for {response.url}")

        page.on("pageerror", lambda error: said(f"{error}"))
        page.on("response", answered)
        page.on(
            "console",
            lambda message: (
                said(message.text)
                if message.type == "error" and not message.text.startswith(_MEANT)
                else None
            ),
        )


def sign_in(page: Page, person: str, password: str = DEMO_PASSWORD) -> None:
    page.goto("/accounts/login/")
    page.locator("[name=login]").fill(f"{person}@example.com")
    page.locator("[name=password]").fill(password)
    page.get_by_role("button", name="Sign in").click()


def polls(page: Page) -> list[Request]:
    """Grows with every request that a fragment makes from now on."""
    found: list[Request] = []
    page.on("request", lambda request: found.append(request) if is_poll(request) else None)
    return found


def is_poll(request: Request) -> bool:
    return "hx-request" in request.headers
