"""Ready pieces for a new panel key: for a shell, for Python, and for a build that keeps secrets.

The key itself stands in the first only; the others read it from the environment.
"""

from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

_CURL: Final = """\
 export VPSORG_API_URL={url}
 export VPSORG_API_TOKEN={key}
curl --fail-with-body --header "Authorization: Bearer $VPSORG_API_TOKEN" "$VPSORG_API_URL/servers/"
"""
_PYTHON: Final = """\
import os

import requests

panel = requests.Session()
panel.headers["Authorization"] = f"Bearer {os.environ['VPSORG_API_TOKEN']}"
answer = panel.get(f"{os.environ['VPSORG_API_URL']}/servers/", timeout=30)
answer.raise_for_status()
for server in answer.json()["results"]:
    print(server["id"], server["name"], server["status"])
"""
_CI: Final = """\
env:
  VPSORG_API_URL: {url}
  VPSORG_API_TOKEN: ${{{{ secrets.VPSORG_API_TOKEN }}}}
"""


@dataclass(frozen=True, slots=True)
class Piece:
    slug: str
    title: str
    words: str
    code: str


def pieces(url: str, key: str) -> list[Piece]:
    """`url`: the gateway's, without a slash at its end."""
    return [
        Piece(
            "curl",
            _("curl"),
            _(
                "In a shell. A line that begins with a space stays out of the history of most "
                "of them."
            ),
            _CURL.format(url=url, key=key),
        ),
        Piece(
            "python",
            _("Python"),
            _("With requests, and the two variables from above."),
            _PYTHON,
        ),
        Piece(
            "ci",
            _("CI secret"),
            _(
                "Store the key as the secret VPSORG_API_TOKEN where your builds keep secrets. "
                "GitHub: Settings > Secrets and variables > Actions, or “gh secret set "
                "VPSORG_API_TOKEN”; then these lines in the workflow. GitLab: Settings > CI/CD > "
                "Variables, with “Masked and hidden” and “Protected”; there both variables reach "
                "the job by themselves."
            ),
            _CI.format(url=url),
        ),
    ]
