"""Changes the code that guards secrets and rights, one small thing at a time: a test must fail."""

import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from dev import policy_mutants

ROOT = Path(__file__).resolve().parent.parent
MUTMUT = str(Path(sys.executable).parent / "mutmut")
MUTANTS = ROOT / "mutants"
SCORE_TO_REACH = 85.0
# Who may do what: there, no change at all goes unnoticed.
WHOLE = ("controlpanel.accounts.access", "controlpanel.accounts.permissions")
_RESULT = re.compile(r"^\s*(controlpanel\.\S+)\.x\S*__mutmut_\d+: (.+)$", re.MULTILINE)

Counts = Mapping[str, int]


def main() -> int:
    shutil.rmtree(MUTANTS, ignore_errors=True)
    # One at a time: they share the test database's file.
    ran = subprocess.run([MUTMUT, "run", "--max-children", "1"], cwd=ROOT, check=False)
    if ran.returncode:
        return ran.returncode
    told = subprocess.run(
        [MUTMUT, "results", "--all", "true"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ).stdout
    print(*(line for line in told.splitlines() if not line.endswith(": killed")), sep="\n")
    found = {**by_module(told), "controlpanel.accounts.permissions": policy_mutants.run(ROOT)}
    low = too_low(found)
    for module in sorted(found):
        print(f"{module}: {score(found[module]):.1f} %")
    for sentence in low:
        print(sentence)
    return 1 if low else 0


def by_module(results: str) -> dict[str, Counter[str]]:
    """How many mutants of each module had each outcome, from what `mutmut results` prints."""
    found: dict[str, Counter[str]] = {}
    for module, outcome in _RESULT.findall(results):
        found.setdefault(module, Counter())[outcome.strip()] += 1
    return found


def too_low(found: Mapping[str, Counts]) -> list[str]:
    """A sentence for each that is: every module that must be whole, and the others together."""
    others: Counter[str] = Counter()
    for module, counts in found.items():
        if module not in WHOLE:
            others.update(counts)
    asked = [(module, score(found.get(module, {})), 100.0) for module in WHOLE]
    asked.append(("The others together", score(others), SCORE_TO_REACH))
    return [
        f"{name}: {reached:.1f} %; {least:.0f} % is the least."
        for name, reached, least in asked
        if reached < least
    ]


def score(counts: Counts) -> float:
    tested = sum(counts.values()) - counts.get("skipped", 0)
    return 100 * (counts.get("killed", 0) + counts.get("timeout", 0)) / tested if tested else 0.0


if __name__ == "__main__":
    sys.exit(main())
