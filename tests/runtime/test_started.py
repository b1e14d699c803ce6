"""Settings at start-up are on the record, secrets as keyed hashes only."""

import pytest
from pytest_django import Settings

from controlpanel import VERSION, env
from controlpanel.audit.events.sentences import sentence
from controlpanel.audit.log import read_only
from controlpanel.audit.models import AuditEvent
from controlpanel.audit.verification import full_check
from controlpanel.runtime.start_event import record_start, shown_settings
from tests.tools.breaking import broken_audit

SECRETS = {
    "DATABASE_URL": "postgres://panel:canary-1@db/panel",
    "REDIS_URL": "redis://:canary-2@redis/0",
    "VPSORG_API_TOKEN": "vps_canary_3_token_0001",
    "PANEL_KEYS": '{"canary-4": 1}',
    "PANEL_EMAIL_URL": "smtp://panel:canary-5@mail",
}


def starts(process: str = "web") -> list[AuditEvent]:
    found = AuditEvent.objects.filter(chain="panel", event="panel.started", target_id=process)
    return list(found.order_by("seq"))


def test_it_works(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANEL_PROXY_COUNT", "1")
    record_start("web")
    record_start("worker")
    record_start("web")
    monkeypatch.setenv("PANEL_PROXY_COUNT", "2")
    monkeypatch.delenv("PANEL_DEMO")
    record_start("web")
    first, same, changed = starts()
    assert first.data["settings"]["PANEL_PROXY_COUNT"] == "1"
    assert first.data["version"] == VERSION
    assert (first.phase, same.phase, changed.phase) == ("same", "same", "changed")
    assert changed.data["before"] == {"PANEL_PROXY_COUNT": "1", "PANEL_DEMO": "1"}
    assert changed.data["settings"]["PANEL_PROXY_COUNT"] == "2"
    assert "PANEL_DEMO" not in changed.data["settings"]
    assert sentence(changed).endswith("other settings: PANEL_DEMO, PANEL_PROXY_COUNT")
    assert len(starts("worker")) == 1
    assert full_check.verify().sound


def test_of_a_secret_only_a_keyed_hash_is_told(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    record_start("web")
    monkeypatch.setenv("DATABASE_URL", "postgres://panel:canary-6@db/panel")
    record_start("web")
    first, second = starts()
    assert second.data["changed"] == ["DATABASE_URL"]
    assert first.data["settings"].keys() >= SECRETS.keys()
    for event in (first, second):
        assert "canary" not in event.canonical
    assert all(first.data["settings"][name].startswith("secret ") for name in SECRETS)


def test_the_file_of_a_secret_is_told_by_what_is_in_it(
    db: None, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    file = tmp_path / "database_url"
    file.write_text("postgres://panel:canary-1@db/panel")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("DATABASE_URL_FILE", str(file))
    before = shown_settings()
    file.write_text("postgres://panel:canary-2@db/panel")
    after = shown_settings()
    assert before["DATABASE_URL"] != after["DATABASE_URL"]
    assert "canary" not in str(after)


def test_another_secret_key_is_noticed(db: None, settings: Settings) -> None:
    record_start("web")
    settings.SECRET_KEY = "another-one-of-at-least-32-characters"
    record_start("web")
    assert starts()[-1].data["changed"] == ["SECRET_KEY"]


@pytest.mark.parametrize("setting", env.SETTINGS, ids=lambda setting: setting.name)
def test_what_holds_a_secret_says_so(setting: env.Setting) -> None:
    words = f"{setting.name} {setting.meaning} {setting.default}"
    is_file = setting.name.endswith("_FILE")
    sounds_secret = any(
        word in words for word in (":password@", "_TOKEN", "Redis or", "ring itself")
    )
    assert setting.secret == (sounds_secret and not is_file)


def test_a_process_starts_also_when_that_cannot_be_recorded(db: None) -> None:
    with broken_audit():
        record_start("web")
        assert read_only.closed()
    assert not starts()
