import pytest

from controlpanel.lib import spelling


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("WEB", "web"), ("Straße", "STRASSE"), ("STRAẞE", "strasse"), ("İstanbul", "istanbul"),
        ("İSTANBUL", "istanbul"), ("ISTANBUL", "ıstanbul"), ("ΟΔΟΣ", "οδος"), ("ΟΔΟΣ", "οδοσ"),
        ("ÄÖÜ", "äöü"), ("ÉTÉ", "e\u0301te\u0301"), ("ﬁle", "FILE"), ("Ｗｅｂ", "web"),
        ("ДОМ", "дом"), ("ǅ", "ǆ"), ("ŉ", "ʼN"),
    ],
)  # fmt: skip
def test_text_is_the_same_whatever_its_case(one, other):
    assert spelling.folded(one) == spelling.folded(other)


@pytest.mark.parametrize(("one", "other"), [("web", "wеb"), ("a", "ä"), ("o", "0"), ("s", "ß")])
def test_other_letters_are_others(one, other):
    assert spelling.folded(one) != spelling.folded(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Web01.Example.COM", "web01.example.com"), ("web.example.com.", "web.example.com"),
        (" web.example.com", "web.example.com"), ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"), ("XN--BCHER-KVA.example", "bücher.example"),
        ("straße.example", "xn--strae-oqa.example"), ("straße.example", "strasse.example"),
        ("faß.example", "XN--FA-HIA.example"), ("☃.example", "xn--n3h.example"),
        ("ΟΔΌΣ.example", "οδός.example"), ("ＷＥＢ.example", "web.example"),
        ("web。example", "web.example"), ("web．example｡", "web.example"),
        ("e\u0301.example", "É.example"), ("xn--9ca.example", "é.example"),
        ("web\u00ad1.example", "web1.example"), ("web_1.example", "WEB_1.example."),
        ("*.Example.com", "*.example.com"), ("web.example\n", "web.example"),
    ],
)  # fmt: skip
def test_host_names_are_compared_as_dns_does(one, other):
    assert spelling.host_name(one) == spelling.host_name(other)


def test_a_host_name_that_is_none_is_compared_as_it_is():
    assert spelling.host_name("ü" * 80) == "ü" * 80
    assert spelling.host_name("a..b") != spelling.host_name("a.b")
    assert spelling.host_name("xn--ü.example") != spelling.host_name("ü.example")
    assert spelling.host_name("XN--99999999999.example") == "xn--99999999999.example"


@pytest.mark.parametrize(
    "given",
    [
        "2001:db8::1", "2001:0db8::1", "2001:DB8::1", "2001:0db8:0000:0000:0000:0000:0000:0001",
        "2001:db8:0:0::1", "[2001:db8::1]", "[2001:db8::1]:22", "2001:db8::1/128",
        "[2001:db8::1]/128", "[2001:db8::1/128]", " 2001:db8::1 ",
    ],
)  # fmt: skip
def test_an_ipv6_address_in_any_spelling(given):
    assert spelling.address(given) == "2001:db8::1"


@pytest.mark.parametrize(
    "given",
    ["192.0.2.10", "192.0.2.10/32", " 192.0.2.10", "192.0.2.10:22", "[192.0.2.10]",
     "::ffff:192.0.2.10", "::ffff:c000:20a"],
)  # fmt: skip
def test_an_ipv4_address_in_any_spelling(given):
    assert spelling.address(given) == "192.0.2.10"


@pytest.mark.parametrize(
    "given",
    ["", "web", "192.0.2", "192.0.2.10/24", "192.0.2.10/128", "2001:db8::/64", "2001:db8::1/32",
     "192.0.2.10/", "[2001:db8::1", "1", "2001:db8:", "fe80::1%eth0/128/1"],
)  # fmt: skip
def test_what_is_no_single_address(given):
    assert spelling.address(given) is None


@pytest.mark.parametrize(
    "part",
    ["2001:db8", "2001:0db8", "2001:0DB8:0000", "2001:db8:0:0", "2001:db8::", "[2001:db8::", "::7",
     "0000:0007", "db8:0:0:0:0:0:7", ":db8:", "2001:0db8::0007", " 2001:0db8 "],
)  # fmt: skip
@pytest.mark.parametrize("whole", ["2001:db8::7", "2001:0DB8:0:0::0007"])
def test_a_part_of_an_ipv6_address_in_any_spelling(part, whole):
    assert spelling.part_of_ipv6(part, whole)


@pytest.mark.parametrize(
    ("part", "whole"),
    [("2001:db80", "2001:db8::7"), ("2001:db8:7", "2001:db8::7"), (":8", "2001:db8::7"),
     ("1:db8::7:", "2001:db8::7"), ("2001:", "192.0.2.1"), ("2001:", "")],
)  # fmt: skip
def test_what_is_no_part_of_it(part, whole):
    assert not spelling.part_of_ipv6(part, whole)
