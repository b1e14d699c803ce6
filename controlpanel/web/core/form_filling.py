"""Puts what somebody typed back into a page's form, whatever form it is.

Only what a person fills in: hidden fields, passwords and files stay as the page has them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urljoin, urlsplit

from django.utils.html import escape

Attributes = list[tuple[str, str | None]]
Values = Mapping[str, Sequence[str]]

_NEVER: Final = {"hidden", "password", "file", "submit", "button", "reset", "image"}


def filled(html: str, page: str, action: str, values: Values) -> str:
    """`html` is the page at the path `page`; its forms that are sent to the path `action` show
    `values`. Everything else stays as it is, byte for byte."""
    parser = _Forms(html, page, action, values)
    parser.feed(html)
    parser.close()
    parts, at = [], 0
    for start, end, text in parser.patches:
        parts += [html[at:start], text]
        at = end
    return "".join((*parts, html[at:]))


class _Forms(HTMLParser):
    def __init__(self, html: str, page: str, action: str, values: Values) -> None:
        super().__init__(convert_charrefs=True)
        self.page, self.action, self.values = page, action, values
        self.patches: list[tuple[int, int, str]] = []
        self._lines = [0]
        for line in html.split("\n")[:-1]:
            self._lines.append(self._lines[-1] + len(line) + 1)
        self._within = False
        self._select = ""
        self._text: tuple[int, str] | None = None
        self._used: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        if tag == "form":
            self._within = self._is_sent_there(dict(attrs))
            self._used.clear()
        elif self._within:
            self._fill(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._within = False
        elif tag == "select":
            self._select = ""
        elif tag == "textarea" and self._text:
            start, value = self._text
            # A first line break after the tag is not part of the text.
            self.patches.append((start, self._at(), "\n" + escape(value)))
            self._text = None

    def _fill(self, tag: str, attrs: Attributes) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "input":
            self._fill_input(name, attrs, (given.get("type") or "text").lower())
        elif tag == "textarea" and name in self.values:
            self._text = self._at() + len(self.get_starttag_text() or ""), self._next(name)
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select in self.values:
            chosen = (given.get("value") or "") in self.values[self._select]
            self._put(tag, attrs, "selected", "" if chosen else None)

    def _fill_input(self, name: str, attrs: Attributes, kind: str) -> None:
        if not name or kind in _NEVER:
            return
        if kind in {"checkbox", "radio"}:
            # A box that is not ticked is not sent.
            value = dict(attrs).get("value")
            ticked = ("on" if value is None else value) in self.values.get(name, ())
            self._put("input", attrs, "checked", "" if ticked else None)
        elif name in self.values:
            self._put("input", attrs, "value", self._next(name))

    def _next(self, name: str) -> str:
        """Fields of one name take the values in order."""
        values, at = self.values[name], self._used[name]
        self._used[name] += 1
        return values[at] if at < len(values) else ""

    def _put(self, tag: str, attrs: Attributes, name: str, value: str | None) -> None:
        """The tag again, with this attribute; None: without it."""
        rest = [(key, text) for key, text in attrs if key != name]
        given = rest if value is None else [*rest, (name, value)]
        text = "".join(
            f" {key}" if said is None else f' {key}="{escape(said)}"' for key, said in given
        )
        start = self._at()
        self.patches.append((start, start + len(self.get_starttag_text() or ""), f"<{tag}{text}>"))

    def _at(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def _is_sent_there(self, given: Mapping[str, str | None]) -> bool:
        if (given.get("method") or "get").lower() != "post":
            return False
        sent_to = urlsplit(urljoin(self.page, given.get("action") or self.page))
        return not sent_to.netloc and sent_to.path == self.action
