import re

from tests.architecture.tree import ROOT, files, texts

LONGEST = 500
# Written in pieces, or this file would be the first to be found.
REGISTRIES = ("pyp" + "i.org", "pythonhosted" + ".org", "registry." + "npmjs", "deb." + "debian")
MACHINE_PATH = re.compile(r"(?:^|[^A-Za-z0-9_.\-])/(?:work|root)/", re.MULTILINE)


def test_it_works() -> None:
    assert ROOT / "manage.py" in files()


def test_no_file_of_code_is_long() -> None:
    sources = [path for path in files() if path.suffix in {".py", ".html", ".css", ".js"}]
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sources
        if "vendor" not in path.parts
        and "migrations" not in path.parts
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST
    }
    assert not long


def test_the_tree_names_no_registry_and_no_machine() -> None:
    found = []
    for path in texts():
        text = path.read_text(encoding="utf-8")
        found += [f"{path}: {host}" for host in REGISTRIES if host in text]
        found += [f"{path}: {match[0]}" for match in MACHINE_PATH.finditer(text)]
    assert not found


def test_pins_carry_hashes() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        blocks = re.split(r"\n(?=\S)", (ROOT / name).read_text(encoding="utf-8"))
        pins = [block for block in blocks if re.match(r"[\w.\-]+==", block)]
        assert pins
        assert not [pin for pin in pins if "--hash=sha256:" not in pin]
