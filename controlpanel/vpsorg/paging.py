"""Reading a list that may come in pages. None are documented; the published clients know `next`."""

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from controlpanel.vpsorg import read
from controlpanel.vpsorg.request import BASE

_MOST_PAGES: Final = 200
_MOST_ENTRIES: Final = 20_000
_MOST_QUERY: Final = 2000


@dataclass(slots=True)
class Pages:
    """What has arrived of one list. `to_ask`: query of the page to ask for next, None at the end.

    `whole` turns false when there is more that is not followed.
    """

    origin: str
    path: str
    to_ask: str | None
    entries: list[Any] = field(default_factory=list)
    count: int | None = None
    whole: bool = True
    seconds: float = 0.0
    _asked: set[str] = field(default_factory=set)

    def add(self, body: Any) -> None:
        """Takes in the page that was asked for. Raises Unreadable when it is no list."""
        page = {"results": body} if isinstance(body, list) else read.mapping(body)
        results = page.get("results")
        if not isinstance(results, list):
            raise read.Unreadable
        self.entries += results
        count = read.whole(page.get("count"))
        if count is not None:
            self.count = max(count, self.count or 0)
        self._move_on(page.get("next"))

    def _move_on(self, link: Any) -> None:
        self._asked.add(self.to_ask or "")
        self.to_ask = None
        if link is None or link == "":
            return
        following = self._query_of(link)
        if (
            following is None
            or following in self._asked
            or len(self._asked) >= _MOST_PAGES
            or len(self.entries) >= _MOST_ENTRIES
        ):
            self.whole = False
        else:
            self.to_ask = following

    def _query_of(self, link: Any) -> str | None:
        """Query of a link to the same list at the same place; None for any other.

        SECURITY: only the query is taken over, so that a link can never lead elsewhere.
        """
        if not isinstance(link, str) or len(link) > _MOST_QUERY:
            return None
        here = f"{self.origin}{BASE}{self.path}"
        try:
            url = urlsplit(urljoin(here, link))
            same = _place(url.geturl()) == _place(here) and "@" not in url.netloc
            pairs = parse_qsl(url.query, keep_blank_values=True, max_num_fields=20)
            return urlencode(pairs) if same else None
        except ValueError:
            return None


def _place(link: str) -> tuple[str, str | None, int | None, str]:
    url = urlsplit(link)
    port = url.port or {"http": 80, "https": 443}.get(url.scheme)
    return url.scheme, url.hostname, port, url.path
