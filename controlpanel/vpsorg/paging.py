"""Reading a list that may come in pages. None are documented; the published clients know `next`."""

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from controlpanel.vpsorg import inner_failure, read

_MOST_PAGES: Final = 200
_MOST_ENTRIES: Final = 20_000
_MOST_QUERY: Final = 2000
_IN_QUERIES: Final = "!$%&'()*+,-./:;=?@[]_|~"


@dataclass(slots=True)
class Pages:
    """What has arrived of one list. `to_ask`: query of the page to ask for next, None at the end.

    `whole` turns false when there is more that is not followed.
    """

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
        # What is missing from a list that says of a failure, nobody can tell.
        self.whole &= inner_failure.verdict(page, None, outer_status=False) is None
        count = read.whole(page.get("count"))
        if count is not None:
            self.count = max(count, self.count or 0)
        self._move_on(page.get("next"))

    def _move_on(self, link: Any) -> None:
        self._asked.add(self.to_ask or "")
        self.to_ask = None
        if is_none(link):
            return
        following = query_of(link)
        if (
            following is None
            or following in self._asked
            or len(self._asked) >= _MOST_PAGES
            or len(self.entries) >= _MOST_ENTRIES
        ):
            self.whole = False
        else:
            self.to_ask = following


def is_none(link: Any) -> bool:
    """Whether what stands in the place of a link says that there is no other page."""
    return not (link.strip() if isinstance(link, str) else link)


def query_of(link: Any) -> str | None:
    """Query of a link to another page of a list; None where it has none, or is no text.

    Providers stand behind proxies and write links with other schemes, hosts and paths than they are
    asked at. SECURITY: only the query is taken, and asked of the configured origin at the place of
    the list, so that a link can never lead elsewhere. It stays as it was written, but for what no
    address may contain.
    """
    if not isinstance(link, str) or len(link) > _MOST_QUERY:
        return None
    query = link.strip().partition("#")[0].partition("?")[2]
    try:
        return quote(query, safe=_IN_QUERIES) or None
    except UnicodeError:  # half a character
        return None
