"""What all pages promise about their looks: the budget, the strict policy, icons that exist."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.template.loader import render_to_string

ROOT = Path(__file__).resolve().parents[3]
STATIC = ROOT / "static"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
ERROR_PAGES = ("400", "403", "403_csrf", "404", "500", "503")
# Whatever runs code or styles from inside a page, and what htmx would need `Function` for.
FORBIDDEN = re.compile(
    r"""\sstyle=|<style|<script(?![^>]*\bsrc=)|\son[a-z]+=|hx-on|["']js:|javascript:"""
    r"""|hx-trigger="[^"]*(?:\[|every)""",
    re.IGNORECASE,
)


def _shipped() -> Iterator[Path]:
    for pattern in ("css/**/*.css", "js/*.js", "vendor/**/*.css", "vendor/**/*.js"):
        yield from STATIC.glob(pattern)


def test_css_and_js_fit_the_budget() -> None:
    assert sum(len(gzip.compress(path.read_bytes())) for path in _shipped()) <= 60 * 1024


def test_every_script_and_style_of_ours_is_loaded() -> None:
    head = (ROOT / "templates/components/head.html").read_text(encoding="utf-8")
    scripts = "".join(path.read_text(encoding="utf-8") for path in STATIC.glob("js/*.js"))
    for path in _shipped():
        name = path.relative_to(STATIC).as_posix()
        assert name in head or f'"./{path.name}"' in scripts, name


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_needs_an_unsafe_policy(path: Path) -> None:
    assert FORBIDDEN.findall(path.read_text(encoding="utf-8")) == []


def test_every_icon_exists() -> None:
    sprite = (STATIC / "icons/sprite.svg").read_text(encoding="utf-8")
    have = set(re.findall(r'<symbol id="([\w-]+)"', sprite))
    named = {"ring"}
    for path in TEMPLATES:
        text = path.read_text(encoding="utf-8")
        named |= set(re.findall(r'{% icon "([\w-]+)"', text))
        named |= set(re.findall(r'\bicon="([\w-]+)"', text))
    for path in (ROOT / "controlpanel/web").rglob("*.py"):
        named |= set(re.findall(r'\bicon="([\w-]+)"', path.read_text(encoding="utf-8")))
    assert named - have == {"ring"}


def test_a_banner_has_a_button_only_with_words_on_it() -> None:
    """A page around it may have a `url` of its own."""
    given = {"tone": "good", "text": "Saved.", "url": "/here/"}
    assert "<a " not in render_to_string("components/banner.html", given)
    assert 'href="/here/"' in render_to_string("components/banner.html", given | {"label": "See"})


@pytest.mark.parametrize("name", ERROR_PAGES)
def test_error_pages_need_no_context_and_no_database(name: str) -> None:
    page = render_to_string(f"errors/{name}.html")
    assert "<h1>" in page
    assert "Control panel" in page
