"""Every mail of the panel: what somebody typed is no link in it, in text, HTML and subject."""

import re
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from allauth.account.adapter import get_adapter
from django.core.mail import EmailMultiAlternatives
from django.utils.html import urlize

from controlpanel.lib import clock
from tests.architecture.tree import ROOT

TEMPLATES = ROOT / "templates"
PREFIXES = sorted(
    str(path.relative_to(TEMPLATES)).removesuffix("_message.txt")
    for path in TEMPLATES.rglob("*_message.txt")
    if "base" not in path.name and path.parent.name in {"mail", "email"}
)
EVIL = "evil.example"
HOSTILE = (
    f"http://{EVIL}/", EVIL, f"www.{EVIL}", f"eve@{EVIL}", f"<a href='http://{EVIL}'>x</a>",
    f"mailto:eve@{EVIL}", f"https://localhost:8000.{EVIL}/", f"http://localhost:8000@{EVIL}/",
    f'"http://{EVIL}"@x.example', f"www.{EVIL}@x.example", f"[x](http://{EVIL})", f"\u202e{EVIL}",
)  # fmt: skip
OWN = "http://localhost:8000/own/"
NAMES = (
    "team", "who", "role", "name", "account", "fingerprint", "email", "user_agent", "ip",
    "from_email", "to_email", "deleted_email", "last_address", "key", "public", "signature",
    "statement", "panel", "url", "activate_url", "password_reset_url",
)  # fmt: skip


def rendered(prefix: str, **words: Any) -> EmailMultiAlternatives:
    now = clock.now()
    given: dict[str, Any] = {
        "expires_at": now + timedelta(days=1),
        "at": now,
        "timestamp": now,
        "last_used_at": now,
        "number": 7,
        "provider": SimpleNamespace(name="Provider"),
        **words,
    }
    message = get_adapter().render_mail(prefix, "nora@example.com", given)
    assert isinstance(message, EmailMultiAlternatives)
    return message


def html_of(message: EmailMultiAlternatives) -> str:
    return str(message.alternatives[0][0])


@pytest.mark.parametrize("typed", HOSTILE)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_what_somebody_typed_is_no_link(prefix: str, typed: str) -> None:
    message = rendered(prefix, **dict.fromkeys(NAMES, typed))
    text = str(message.body).replace("VPS.org", "")
    for part in (text, str(message.subject), html_of(message)):
        assert EVIL not in part.replace(f"eve@{EVIL}", "") or typed == f"eve@{EVIL}"
    assert "<a " not in html_of(message)
    linked = urlize(text + "\n" + str(message.subject))
    # The address of somebody here may be written to; nothing else leads anywhere.
    assert not re.findall(r'href="(?!mailto:eve@evil\.example)', linked)


@pytest.mark.parametrize("link", [f"{OWN}?a=1&b=2", "http://localhost:8000"])
def test_links_into_the_panel_are_links(link: str) -> None:
    message = rendered("team/mail/invitation", team="Acme", who="a@b.example", role="x", url=link)
    assert link in message.body
    assert html_of(message).count(f'<a href="{link.replace("&", "&amp;")}">') == 1


def test_a_name_that_is_a_link_into_the_panel_is_none() -> None:
    message = rendered("team/mail/invitation", team=OWN, who=OWN, role=OWN, url=f"{OWN}real/")
    assert html_of(message).count("<a ") == 1
    assert str(message.body).count(OWN) == 1


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*_message.txt")), ids=str)
def test_templates_show_texts_and_no_attributes(path: Path) -> None:
    """An attribute of a value would pass by what makes texts inert. The provider is a setting."""
    text = path.read_text(encoding="utf-8").replace("provider.name", "")
    assert not re.findall(r"{{ *\w+\.\w|=\w+\.[a-z]", text)
