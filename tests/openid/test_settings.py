from pathlib import Path

import pytest
from pytest_django import Settings

from controlpanel.lib.openid_settings import from_settings, is_safe
from controlpanel.runtime.readiness import NotReady, refuse_unless_ready


@pytest.fixture
def given(tmp_path: Path) -> dict[str, str]:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n", encoding="utf-8")
    secret.chmod(0o600)
    return {
        "PANEL_OIDC_NAME": "Acme SSO",
        "PANEL_OIDC_ISSUER": "https://id.example/realms/acme",
        "PANEL_OIDC_CLIENT_ID": "panel",
        "PANEL_OIDC_CLIENT_SECRET_FILE": str(secret),
    }


def test_it_works(given: dict[str, str]) -> None:
    found = from_settings(given)
    assert found is not None
    assert found.client_secret.reveal() == "s3cret"
    assert "s3cret" not in repr(found)


def test_none_is_off() -> None:
    assert from_settings({}) is None


def test_half_a_set_is_refused(given: dict[str, str]) -> None:
    for name in given:
        with pytest.raises(ValueError, match=name):
            from_settings(given | {name: ""})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PANEL_OIDC_ISSUER", "http://id.example", "https://"),
        ("PANEL_OIDC_ISSUER", "https://id.example/?a=b", "https://"),
        ("PANEL_OIDC_NAME", "\u200b", "visible"),
        ("PANEL_OIDC_CLIENT_SECRET_FILE", "/nowhere/at/all", "cannot be read"),
    ],
)
def test_a_wrong_value_is_refused(given: dict[str, str], name: str, value: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        from_settings(given | {name: value})


def test_what_cannot_be_used_stops_the_start(db: None, settings: Settings) -> None:
    settings.PANEL_OIDC_TROUBLE = "Give all four settings, or none."
    with pytest.raises(NotReady, match="all four"):
        refuse_unless_ready()


def test_a_secret_that_others_can_read_is_refused(given: dict[str, str]) -> None:
    Path(given["PANEL_OIDC_CLIENT_SECRET_FILE"]).chmod(0o644)
    with pytest.raises(ValueError, match="chmod 600"):
        from_settings(given)


@pytest.mark.parametrize(
    "url",
    ["http://localhost:9/x", "http://127.0.0.1", "http://[::1]:80/", "https://a.example/b?c=d"],
)
def test_safe_addresses(url: str) -> None:
    assert is_safe(url)


@pytest.mark.parametrize(
    "url",
    [None, 7, "", "https://", "javascript:x", "http://a.example", "https://u@a.example",
     "https://a.example\\@b", "https://a.example/\n", "http://localhost.evil.example",
     "https://a.example:x/"],
)  # fmt: skip
def test_unsafe_addresses(url: object) -> None:
    assert not is_safe(url)
