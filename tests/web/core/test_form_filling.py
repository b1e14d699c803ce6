"""What somebody typed goes back into the form that it came from, and nowhere else."""

import pytest

from controlpanel.web.core.form_filling import filled

CHECK = '<input type="checkbox" name="a" '
RADIO = '<input type="radio" name="a" '


def form(inside: str, attrs: str = 'method="post"') -> str:
    return f"<form {attrs}>{inside}</form>"


def fill(html: str, action: str = "/here/", **values: list[str]) -> str:
    return filled(html, "/here/", action, values)


@pytest.mark.parametrize(
    ("inside", "values", "expected"),
    [
        ('<input name="a">', ["x"], '<input name="a" value="x">'),
        ('<input name="a" value="old" id="i">', ["x"], '<input name="a" id="i" value="x">'),
        ('<input type="email" name="a"/>', ["x"], '<input type="email" name="a" value="x">'),
        (
            '<input name="a">',
            ['"><script>alert(1)</script>'],
            '<input name="a" value="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;">',
        ),
        ('<input name="a" value="old">', [""], '<input name="a" value="">'),
        (
            f'{CHECK}value="1">{CHECK}value="2" checked>',
            ["1"],
            f'{CHECK}value="1" checked="">{CHECK}value="2">',
        ),
        ('<input type="checkbox" name="a">', ["on"], '<input type="checkbox" name="a" checked="">'),
        (
            f'{RADIO}value="x" checked>{RADIO}value="y">',
            ["y"],
            f'{RADIO}value="x">{RADIO}value="y" checked="">',
        ),
        (
            "<textarea name='a'>old &amp; more</textarea>",
            ["<b>\nü"],
            "<textarea name='a'>\n&lt;b&gt;\nü</textarea>",
        ),
        (
            '<select name="a"><option value="x" selected>X<option value="y">Y</select>',
            ["y"],
            '<select name="a"><option value="x">X<option value="y" selected="">Y</select>',
        ),
        (
            '<input name="a"><input name="a">',
            ["x", "y"],
            '<input name="a" value="x"><input name="a" value="y">',
        ),
        ('é\n<p>ü</p>\n <input\n name="a">', ["x"], 'é\n<p>ü</p>\n <input name="a" value="x">'),
    ],
)
def test_it_fills(inside: str, values: list[str], expected: str) -> None:
    assert fill(form(inside), a=values) == form(expected)


@pytest.mark.parametrize(
    "html",
    [
        form('<input type="hidden" name="a" value="fresh">'),
        form('<input type="password" name="a">'),
        form('<input type="file" name="a">'),
        form('<input type="submit" name="a" value="Go"><button name="a" value="x">x</button>'),
        form('<input name="b" value="&amp;">'),
        form('<input name="a">', "method=get"),
        form('<input name="a">', ""),
        form('<input name="a">', 'method="post" action="/elsewhere/"'),
        form('<input name="a">', 'method="post" action="https://example.com/here/"'),
        '<input name="a"><textarea name="a">x</textarea>',
        form("") + '<input name="a">',
        '<script>var x = "<form method=post><input name=a>";</script>',
        "<!-- " + form('<input name="a">') + " -->",
    ],
)
def test_everything_else_stays_as_it_is(html: str) -> None:
    assert fill(html, a=["x"]) == html


@pytest.mark.parametrize("action", ["", "/here/", "../here/", "?x=1"])
def test_the_forms_address_is_read_as_a_browser_does(action: str) -> None:
    attrs = f'method="POST" action="{action}"' if action else 'method="post"'
    assert 'value="x"' in fill(form('<input name="a">', attrs), a=["x"])


def test_a_box_that_was_not_ticked_is_not_ticked() -> None:
    assert "checked" not in fill(form('<input type="checkbox" name="b" checked>'), a=["x"])


def test_forms_for_other_addresses_on_the_page_stay() -> None:
    other = form('<input name="a">', 'method="post" action="/there/"')
    html = other + form('<input name="a">') + other
    assert fill(html, a=["x"]) == other + form('<input name="a" value="x">') + other
