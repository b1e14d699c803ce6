import ast
from pathlib import Path

import pytest

from dev import policy_mutants
from dev.mutation import by_module, score, too_low

ROOT = Path(__file__).resolve().parent.parent.parent
ACCESS, POLICY = "controlpanel.accounts.access", "controlpanel.accounts.permissions"
WHOLE = {ACCESS: {"killed": 9}, POLICY: {"killed": 9}}
RESULTS = """
    controlpanel.accounts.access.x_require__mutmut_1: killed
    controlpanel.accounts.access.xǁDeniedǁ__init____mutmut_2: survived
    controlpanel.keys.cipher.x__bound__mutmut_12: no tests
    controlpanel.keys.cipher.x__bound__mutmut_13: killed
"""


def test_it_works() -> None:
    assert score({"skipped": 2, "killed": 8, "timeout": 1, "survived": 1}) == 90.0


def test_nothing_tested_is_nothing_reached() -> None:
    assert score({"skipped": 2}) == 0.0


def test_it_counts_by_module() -> None:
    assert by_module(RESULTS) == {
        ACCESS: {"killed": 1, "survived": 1},
        "controlpanel.keys.cipher": {"no tests": 1, "killed": 1},
    }


def test_the_others_are_counted_together() -> None:
    chain, runner = {"killed": 90, "survived": 10}, {"killed": 80, "no tests": 20}
    assert too_low({**WHOLE, "chain": chain, "runner": runner}) == []
    (sentence,) = too_low({**WHOLE, "chain": chain, "runner": {**runner, "survived": 1}})
    assert sentence == "The others together: 84.6 %; 85 % is the least."


@pytest.mark.parametrize("module", [ACCESS, POLICY])
def test_where_rights_are_decided_nothing_survives(module: str) -> None:
    others = {"chain": {"killed": 1}}
    for counts in ({"killed": 999, "survived": 1}, {}):
        (sentence,) = too_low({**WHOLE, **others, module: counts})
        assert sentence.startswith(module)


def test_the_role_table_is_changed_in_every_place() -> None:
    source = (ROOT / policy_mutants.POLICY).read_text(encoding="utf-8")
    found = dict(policy_mutants.mutants(source))
    assert "role of _VIEW with _OWN" in found
    assert "list without 'audit.view'" in found
    without = [
        text
        for name, text in policy_mutants.mutants(source)
        if name == "group without 'audit.view'"
    ]
    assert [text.partition("_VIEW =")[2].count("'audit.view'") for text in without] == [0, 1]
    assert "'root'" in found["role 'viewer' renamed"]
    plain = ast.unparse(ast.parse(source))
    assert plain not in found.values()
    assert len(set(found.values())) == len(found)
