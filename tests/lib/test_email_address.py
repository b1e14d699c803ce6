import pytest

from controlpanel.lib.email_address import are_same, folded, is_comparable

KELVIN, DOTLESS, LONG_S, DOTTED = "\u212a", "\u0131", "\u017f", "\u0130"
# Each folds to an ASCII address somewhere: in Python, in PostgreSQL, in a mail server, for an eye.
LOOKALIKES = [
    f"alice@examp{DOTLESS}e.com",
    f"al{DOTLESS}ce@example.com",
    f"AL{DOTTED}CE@EXAMPLE.COM",
    f"{KELVIN}ate@example.com",
    f"je{LONG_S}{LONG_S}e@example.com",
    "аlice@example.com",  # a Cyrillic a
    "ａlice@example.com",  # full width
    "alice@exam\u00adple.com",  # soft hyphen
    "alice\u200b@example.com",  # zero width
    "alice@example．com",
    "alicé@example.com",
    "alice@bücher.example",
    "ﬁona@example.com",
]


@pytest.mark.parametrize("address", LOOKALIKES)
def test_other_characters_are_nobodys(address):
    assert folded(address) == ""
    assert not are_same(address, address)


@pytest.mark.parametrize(
    "written", ["alice@example.com", "Alice@Example.COM", " alice@example.com\n"]
)
def test_case_and_space_around_make_no_difference(written):
    assert folded(written) == "alice@example.com"
    assert are_same(written, "ALICE@example.com")


@pytest.mark.parametrize(
    "other", ["", "alice@example.co", "a.lice@example.com", "alice+x@example.com"]
)
def test_another_address_is_another(other):
    assert not are_same("alice@example.com", other)


def test_nothing_is_the_same_as_nothing():
    assert not are_same("", "")


@pytest.mark.parametrize(
    ("address", "may"),
    [
        ("Alice@example.com", True),
        ("bücher@example.com", True),
        (f"al{DOTLESS}ce@example.com", True),  # lower case already: it stays what it is
        (f"{KELVIN}ate@example.com", False),
        ("Bücher@example.com", False),
    ],
)
def test_what_lower_case_would_change(address, may):
    assert is_comparable(address) is may
