"""Names in mail: nothing in them is made a link, and what is harmless reads as it was typed."""

import pytest
from django.utils.html import urlize

from controlpanel.lib.inert import inert

# What was typed, and what stands in the mail.
LINKS = {
    "http://evil.example/": "http[:]//evil[.]example/",
    "https://evil.example/a?b=c": "https[:]//evil[.]example/a?b=c",
    "HTTP://EVIL.EXAMPLE": "HTTP[:]//EVIL[.]EXAMPLE",
    "evil.example": "evil[.]example",
    "www.evil.example": "www[.]evil[.]example",
    "evil.com/login": "evil[.]com/login",
    "a.b.evil.co.uk": "a[.]b[.]evil[.]co[.]uk",
    "eve@evil.com": "eve[@]evil[.]com",
    "mailto:eve@evil.com": "mailto[:]eve[@]evil[.]com",
    "tel:+15550100": "tel[:]+15550100",
    "javascript:alert(1)": "javascript[:]alert(1)",
    "ftp://evil.org": "ftp[:]//evil[.]org",
    "//evil.example": "//evil[.]example",
    "http://203.0.113.9/login": "http[:]//203[.]0[.]113[.]9/login",
    "http://[2001:db8::1]/": "http[:]//[2001[:]db8[:][:]1]/",
    "\\\\evil\\share": "[\\][\\]evil[\\]share",
    "evil\u3002example": "evil[\u3002]example",
    "evil\uff0eexample": "evil[\uff0e]example",
    "evil\uff61example": "evil[\uff61]example",
    "evil\u2024com": "evil[\u2024]com",
    "http\uff1a//evil.com": "http[\uff1a]//evil[.]com",
    "eve\uff20evil.com": "eve[\uff20]evil[.]com",
    "xn--e1awd7f.com": "xn--e1awd7f[.]com",
    "b\u00fccher.example": "b\u00fccher[.]example",
    "Acme (see evil.com)": "Acme (see evil[.]com)",
    "Acme.Your account is locked: evil.com": "Acme[.]Your account is locked: evil[.]com",
    "http:\u200b//evil.\u200bcom": "http[:]//evil[.]com",
    "evil.\u00adcom": "evil[.]com",
    "http://evil\r\n.example": "http[:]//evil [.]example",
    "fe80::1%evil.com": "fe80[:][:]1%evil[.]com",
    "evil.com.": "evil[.]com.",
    "evil\u2488com": "evil[\u2488]com",  # DIGIT ONE FULL STOP
}
HARMLESS = [
    "Acme", "Acme Inc.", "St. Louis", "R&D: machines", "Müller & Söhne", "web-1/web-2", "#1 team",
    "203.0.113.9", "2001:db8::1", "3f9a-11c2-77de", "50 % off", "Who? Me!",
]  # fmt: skip


@pytest.mark.parametrize(("typed", "shown"), LINKS.items())
def test_nothing_is_made_a_link(typed: str, shown: str) -> None:
    assert inert(typed) == shown
    assert "<a " not in urlize(inert(typed))


@pytest.mark.parametrize("typed", HARMLESS)
def test_what_is_harmless_stays(typed: str) -> None:
    assert inert(typed) == typed


def test_it_is_one_line_and_bounded() -> None:
    assert inert("a\r\nBcc: eve@example.com") == "a Bcc: eve[@]example[.]com"
    assert len(inert("." * 5000, 100)) <= 300
