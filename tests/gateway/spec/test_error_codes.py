"""The table of codes: whatever the gateway can say stands in it, and in docs/gateway.md."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlpanel import env
from controlpanel.gateway.routes import ROUTES
from controlpanel.gateway.spec import error_codes
from controlpanel.vpsorg.errors import SENTENCES

ROOT = Path(env.ROOT)
SAYING = {"said": 1, "refuse": 1, "_cancelled": 0, "NoClient": 0, "no_client": 0}
# Where what becomes an answer of the gateway is said.
PLACES = ("controlpanel/gateway", "controlpanel/operations", "controlpanel/credentials")
# Said in words of another's row, not as a code of their own.
WORDS = " ".join(known.meaning for known in error_codes.KNOWN)
# What the provider said, in its own words and without a code.
PROVIDERS = {
    "bad_request", "unauthorized", "payment_required", "forbidden", "not_found", "conflict",
    "unprocessable", "too_many_requests", "refused",
}  # fmt: skip
# An id that is none never leads to a call: no route takes it. Forms are sent on pages only, and a
# time to wait is told as too_many_requests.
NEVER = {"bad_id", "sent_before", "asked_to_wait"}


def known(code: str) -> bool:
    return code in {one.code for one in error_codes.KNOWN} or f"“{code}”" in WORDS


@pytest.mark.parametrize("place", PLACES)
def test_every_code_in_the_source_is_in_the_table(place):
    found = {code for path in (ROOT / place).rglob("*.py") for code in _codes(path)}
    assert found
    missing = {code for code in found if not known(code)} - NEVER
    assert missing == set(), "said, and not documented"


def test_every_way_of_the_providers_trouble_is_in_the_table():
    assert {code for code in SENTENCES if not known(code)} - PROVIDERS - NEVER == set()


def test_the_document_has_every_code():
    text = (ROOT / "docs" / "gateway.md").read_text(encoding="utf-8")
    for one in error_codes.KNOWN:
        line = f"| {one.status} | `{one.code}` | {one.meaning} | {one.remedy} |"
        assert line in text, f"docs/gateway.md lacks: {line}"
    rows = re.findall(r"^\| \d{3} \| `(\w+)` ", text, re.MULTILINE)
    assert rows == [one.code for one in error_codes.KNOWN]


def _codes(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        place = SAYING.get(name)
        given = node.args[place : place + 1] if place is not None else []
        given += [one.value for one in node.keywords if one.arg == "code"]
        for one in given:
            if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value:
                yield one.value


def test_the_document_has_every_call():
    text = (ROOT / "docs" / "gateway.md").read_text(encoding="utf-8")
    for route in ROUTES:
        right = f"`{route.permission}`" if route.permission else "any key"
        assert f"| `{route.method} {route.path}` | {route.sentence} | {right} |" in text
