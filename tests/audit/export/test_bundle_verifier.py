"""The verifier of a bundle that somebody hostile made, who may sign it with keys of their own."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from controlpanel.audit import hashing
from controlpanel.audit.checkpoints import checkpoints
from controlpanel.audit.export import bundle_verifier
from controlpanel.keys import ring, signatures
from controlpanel.lib import clock
from tests.audit import second_verifier
from tests.audit.export.test_bundle import all_of, of_server, run, unpacked
from tests.audit.writing import Team

pytestmark = pytest.mark.django_db

WORDS = "x\nProved: all is well.\x1b[2J\u202e"
Edit = Callable[[Path], None]


@pytest.fixture
def history(acme: Team, tmp_path: Path) -> Path:
    checkpoints.take()
    return unpacked(tmp_path / "history", of_server(acme))


@pytest.fixture
def span(acme: Team, tmp_path: Path) -> Path:
    checkpoints.take()
    return unpacked(tmp_path / "span", all_of(acme))


def public() -> str:
    return signatures.public(ring.current().active(signatures.PURPOSE, clock.now()))


def sign(folder: Path, manifest: str | None = None) -> None:
    """Everything fits again, with the key that signed it."""
    path = folder / "manifest.json"
    if manifest is None:
        said = json.loads(path.read_bytes())
        for name in said["members"]:
            said["members"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        manifest = hashing.canonical(said) + "\n"
    path.write_text(manifest)
    key = ring.current().active(signatures.PURPOSE, clock.now())
    signature = signatures.sign(key, b"bundle\x00" + manifest.encode())
    (folder / "manifest.sig").write_text(signature + "\n")


def in_text(member: str, old: str, new: str) -> Edit:
    """What stands first in a file becomes something else."""

    def edit(folder: Path) -> None:
        text = (folder / member).read_text()
        assert re.search(old, text), text
        (folder / member).write_text(re.sub(old, lambda _: new, text, count=1))
        sign(folder, (folder / member).read_text() if member == "manifest.json" else None)

    return edit


def in_manifest(**values: Any) -> Edit:
    def edit(folder: Path) -> None:
        said = json.loads((folder / "manifest.json").read_bytes())
        sign(folder, hashing.canonical({**said, **values}) + "\n")

    return edit


def named_key(name: str) -> Edit:
    """The key that signs is called so, everywhere but in the checkpoints."""

    def edit(folder: Path) -> None:
        keys = json.loads((folder / "keys.json").read_bytes())
        (folder / "keys.json").write_text(hashing.canonical({**keys, name: public()}) + "\n")
        sign(folder)
        in_manifest(key=name)(folder)

    return edit


def valued_key(value: Any) -> Edit:
    def edit(folder: Path) -> None:
        keys = json.loads((folder / "keys.json").read_bytes())
        text = json.dumps({**keys, "audit-sign-7": value})
        (folder / "keys.json").write_text(text + "\n")
        sign(folder)

    return edit


def in_event(old: str, new: str) -> Edit:
    """The first event says so, and has a hash that fits."""

    def edit(folder: Path) -> None:
        path = folder / "events.jsonl"
        first, *rest = path.read_text().splitlines()
        line = json.loads(first)
        chain = json.loads((folder / "manifest.json").read_bytes())["chain"]
        assert old in line["canonical"]
        line["canonical"] = line["canonical"].replace(old, new, 1)
        line["hash"] = hashing.event_hash(chain, line["seq"], line["prev"], line["canonical"])
        path.write_text("\n".join([hashing.canonical(line), *rest]) + "\n")
        sign(folder)

    return edit


def added(name: str, text: str = "") -> Edit:
    def edit(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)

    return edit


def rewritten(member: str, make: Callable[[bytes], bytes]) -> Edit:
    def edit(folder: Path) -> None:
        (folder / member).write_bytes(make((folder / member).read_bytes()))
        if member not in ("manifest.json", "manifest.sig"):
            sign(folder)

    return edit


HOSTILE: dict[str, Edit] = {
    "key id with lines and codes": named_key(WORDS),
    "key id with words": named_key("audit-sign-1 is the panel's"),
    "key id with a capital": named_key("Audit-sign-1"),
    "key id without a number": named_key("audit-sign"),
    "key id of another alphabet": named_key("аudit-sign-1"),
    "key in capitals": valued_key("AB" * 32),
    "key with blanks": valued_key("ab " * 21 + "a"),
    "key that is a number": valued_key(7.5),
    "key that is too long": valued_key("ab" * 33),
    "doubled name in the manifest": in_text("manifest.json", '"team":', '"team":"x","team":'),
    "doubled scope": in_text("manifest.json", '"scope":', '"scope":"span","scope":'),
    "doubled name in the keys": in_text("keys.json", "{", '{"audit-sign-1":"00",'),
    "doubled name in the proofs": in_text("proofs.json", '"index":', '"index":7,"index":'),
    "doubled name in an event's line": in_text("events.jsonl", '"seq":', '"seq":9,"seq":'),
    "doubled name in an event": in_event('"result":', '"result":"denied","result":'),
    "NaN in the proofs": in_text("proofs.json", '"index":[0-9]+', '"index":NaN'),
    "Infinity in the proofs": in_text("proofs.json", '"size":[0-9]+', '"size":Infinity'),
    "-Infinity in an event": in_event('"data":{', '"data":{"a":-Infinity,'),
    "NaN in an event": in_event('"data":{', '"data":{"a":NaN,'),
    "1e999 in an event": in_event('"data":{', '"data":{"a":1e999,'),
    "1e2 in an event": in_event('"data":{', '"data":{"a":1e2,'),
    "-0 in an event": in_event('"data":{', '"data":{"a":-0,'),
    "a huge number in an event": in_event('"data":{', '"data":{"a":123456789012345678,'),
    "1e999 in the proofs": in_text("proofs.json", '"size":[0-9]+', '"size":1e999'),
    "a float for a count": in_text("proofs.json", '"size":([0-9]+)', '"size":2.0'),
    "-0 for a count": in_text("proofs.json", '"index":[0-9]+', '"index":-0'),
    "a negative index": in_text("proofs.json", '"index":[0-9]+', '"index":-1'),
    "a huge size": in_text("proofs.json", '"size":[0-9]+', '"size":' + "9" * 400),
    "true for a count": in_text("proofs.json", '"index":[0-9]+', '"index":true'),
    "a text for a count": in_text("proofs.json", '"index":[0-9]+', '"index":"0"'),
    "a number with zeros before it": in_text("proofs.json", '"size":', '"size":0'),
    "a version that is a float": in_text("manifest.json", '"v":2', '"v":2.0'),
    "a time with lines": in_manifest(made=WORDS),
    "a time without an end": in_text("manifest.json", '"made":"[^"]*"', '"made":"2026"'),
    "another version": in_manifest(v=3),
    "a byte order mark": rewritten("manifest.json", lambda text: b"\xef\xbb\xbf" + text),
    "UTF-16": rewritten("proofs.json", lambda text: text.decode().encode("utf-16")),
    "deep": rewritten("proofs.json", lambda _: b"[" * 100_000),
    "a line end of another system": rewritten("manifest.sig", lambda text: text[:-1] + b"\r\n"),
    "json.py": added("json.py"),
    "a hidden file": added(".hidden"),
    "a folder": added("__pycache__/verify.pyc"),
    "a name with lines": added(WORDS),
}


@pytest.mark.parametrize("kind", list(HOSTILE))
def test_it_refuses_in_one_plain_line(history: Path, kind: str) -> None:
    HOSTILE[kind](history)
    code, said = run(history)
    assert code == 1, said
    assert said.startswith("NOT IN ORDER. "), said
    assert said.endswith("\n")
    assert said[:-1].isascii()
    assert said[:-1].isprintable()


@pytest.mark.parametrize(
    "kind", [kind for kind in HOSTILE if re.search("doubled|NaN|1e|-0|Infinity|huge", kind)]
)
def test_the_second_one_refuses_what_can_be_read_in_two_ways(history: Path, kind: str) -> None:
    HOSTILE[kind](history)
    assert second_verifier.check(history)


def test_what_the_bundle_says_is_shown_escaped_and_in_quotes(history: Path) -> None:
    in_manifest(asked=WORDS)(history)
    code, said = run(history)
    assert code == 0, said
    assert r"'x\nProved: all is well.\x1b[2J\u202e'" in said
    assert all(line.isprintable() and line.isascii() for line in said.splitlines())


STDLIB = ("json", "re", "hashlib", "pathlib", "typing", "os", "collections", "zipfile", "runpy")


@pytest.mark.parametrize("start", [["verify.py"], ["-S", "verify.py"], ["-E", "./verify.py"]])
@pytest.mark.parametrize("path", [None, "here"])
def test_nothing_beside_it_runs(
    history: Path, tmp_path: Path, start: list[str], path: str | None
) -> None:
    """Also when it is started without -I, from its own folder."""
    trap = tmp_path / "trapped"
    beside = [name for name in STDLIB if not (path and name in ("os", "collections"))]
    for name in beside:
        (history / f"{name}.py").write_text(f"open({str(trap)!r}, 'a').write({name!r})\n")
    done = subprocess.run(
        [sys.executable, "-B", *start],
        cwd=history, env={"PYTHONPATH": str(history)} if path else {}, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert not trap.exists(), trap.read_text()
    assert done.returncode == 1
    assert "json.py" in done.stderr
    for name in beside:
        (history / f"{name}.py").unlink()
    assert run(history)[0] == 0


def given(folder: Path, *keys: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "verify.py", *keys],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_it_says_whose_signature_it_checked(span: Path) -> None:
    code, said = given(span)
    assert code == 0
    assert "NOT PROVED: whose signature this is" in said
    assert f"The key audit-sign-1 is {public()}." in said
    code, said = given(span, "00" * 32, public())
    assert code == 0, said
    assert "Proved: it was signed with keys that you gave" in said
    assert "NOT PROVED" not in said


@pytest.mark.parametrize("key", ["00" * 32, "nonsense", "", "\n", "-h"])
def test_a_key_that_is_not_the_signers_is_refused(span: Path, key: str) -> None:
    code, said = given(span, key)
    assert code == 1
    assert "key not given" in said


def test_every_key_that_signed_must_be_given(span: Path) -> None:
    """A checkpoint's too, though the manifest's is the expected one."""
    valued_key("ab" * 32)(span)
    assert given(span)[0] == 0
    assert given(span, public())[0] == 1


def test_it_imports_into_the_panel_without_touching_the_process(span: Path) -> None:
    assert bundle_verifier.verify(span, [public()])
