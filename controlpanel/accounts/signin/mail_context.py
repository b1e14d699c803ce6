"""What a mail's template gets, and its HTML: only the panel's own addresses are links."""

import re
from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings
from django.utils.html import escape, linebreaks

from controlpanel.lib.inert import inert

_LINKS: Final = ("url", "activate_url", "password_reset_url", "panel")
# E-mail addresses of people here: no web address, and who writes to them should see them whole.
_ADDRESSES: Final = ("email", "who", "from_email", "to_email", "deleted_email")
_WORD: Final = r"[a-z0-9_+-]+"
_PLAIN_ADDRESS: Final = re.compile(
    rf"(?!www\.){_WORD}(\.{_WORD})*@{_WORD}(\.{_WORD})+", re.ASCII | re.IGNORECASE
)


def for_template(words: Mapping[str, Any]) -> dict[str, Any]:
    """Every text inert, but links into the panel and plain e-mail addresses. Templates show no
    attributes of other values: a test holds that."""
    return {name: _shown(name, value) for name, value in words.items()}


def as_html(text: str, words: Mapping[str, Any]) -> str:
    """The mail's text in paragraphs, the links among its words clickable."""
    html = linebreaks(escape(text))
    for name in _LINKS:
        link = words.get(name)
        if isinstance(link, str) and _is_ours(link):
            html = html.replace(escape(link), f'<a href="{escape(link)}">{escape(link)}</a>')
    return html


def _shown(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if name in _LINKS and _is_ours(value):
        return value
    if name in _ADDRESSES and _PLAIN_ADDRESS.fullmatch(value):
        return value
    return inert(value)


def _is_ours(link: str) -> bool:
    public = settings.PANEL_PUBLIC_URL
    return link == public or link.startswith(f"{public}/")
