import pytest

from controlpanel.vpsorg.origin import normalise


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://admin.vps.org", "https://admin.vps.org"),
        ("https://admin.vps.org/", "https://admin.vps.org"),
        ("https://admin.vps.org/api/v1", "https://admin.vps.org"),
        ("https://admin.vps.org/api/v1/", "https://admin.vps.org"),
        (" HTTPS://Admin.VPS.org.:443 ", "https://admin.vps.org"),
        ("https://admin.vps.org:8443", "https://admin.vps.org:8443"),
        ("http://localhost:9000", "http://localhost:9000"),
        ("http://127.0.0.1:9000/api/v1/", "http://127.0.0.1:9000"),
        ("http://127.9.9.9:80", "http://127.9.9.9"),
        ("http://[::1]:9000", "http://[::1]:9000"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
    ],
)
def test_it_works(given: str, expected: str) -> None:
    assert normalise(given) == expected
    assert normalise(normalise(given)) == expected


@pytest.mark.parametrize(
    "given",
    [
        "", "admin.vps.org", "https://", "https:///api/v1", "ftp://admin.vps.org",
        "//admin.vps.org",
        "http://admin.vps.org", "http://192.168.1.1", "http://localhost.evil.example",
        "http://0.0.0.0:9000", "http://127.0.0.1.evil.example", "https://user:pw@admin.vps.org",
        "https://@admin.vps.org", "https://admin.vps.org/other", "https://admin.vps.org/api/v2",
        "https://admin.vps.org//api/v1", "https://admin.vps.org?x=1", "https://admin.vps.org?",
        "https://admin.vps.org#x", "https://admin.vps.org:", "https://admin.vps.org:0",
        "https://admin.vps.org:99999", "https://admin.vps.org:x", "https://admin .vps.org",
        "https://admin.vps.org\n.evil.example", "https://evil.example\\@admin.vps.org",
        "https://ådmin.vps.org", "https://[::1", "https://-", "https://a..b", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_it_refuses_with_a_sentence(given: str) -> None:
    with pytest.raises(ValueError, match=r"^The address of the API .+\.$"):
        normalise(given)
