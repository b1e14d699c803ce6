from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from controlpanel.accounts.models import Account, Membership, Team, User
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import Credential
from controlpanel.runtime.management.commands.demo import PASSWORD
from controlpanel.sandbox.server import Sandbox
from controlpanel.servers.models import Server
from tests.people import OPERATOR_TOKEN, OWNER_TOKEN, REVOKED_TOKEN, Person, look


def demo(*arguments: str) -> str:
    out = StringIO()
    call_command("demo", *arguments, stdout=out)
    return out.getvalue()


def rows() -> list[int]:
    models = (User, Team, Membership, Account, Credential, AuditEvent)
    return [model.objects.count() for model in models]


@pytest.fixture(autouse=True)
def _no_token_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VPSORG_API_TOKEN", raising=False)


def test_it_works(db: None, sandbox: Sandbox, client: Client) -> None:
    assert demo() == ""
    roles = Membership.objects.values_list("team__slug", "user__email", "role")
    assert sorted(roles) == [
        ("acme", "admin@example.com", "admin"),
        ("acme", "auditor@example.com", "auditor"),
        ("acme", "operator@example.com", "operator"),
        ("acme", "owner@example.com", "owner"),
        ("acme", "viewer@example.com", "viewer"),
        ("globex", "outsider@example.com", "owner"),
    ]
    signed_in = client.post(
        "/accounts/login/", {"login": "operator@example.com", "password": PASSWORD}
    )
    assert signed_in.status_code == 302


def test_the_first_page_has_servers(db: None, sandbox: Sandbox) -> None:
    demo()
    counts = [account.servers.count() for account in Account.objects.order_by("name")]
    assert counts == [8, 2]


def test_tokens_work(db: None, sandbox: Sandbox) -> None:
    demo()
    kept = Credential.objects.values_list("user__email", "account__name", "is_sync")
    assert sorted(kept) == [
        ("admin@example.com", "Acme", False),
        ("operator@example.com", "Acme", False),
        ("outsider@example.com", "Globex", True),
        ("owner@example.com", "Acme", True),
    ]
    for account in Account.objects.all():
        look(account)
    assert Server.objects.filter(account__name="Acme").count() == 8
    assert Server.objects.filter(account__name="Globex").count() == 2


def test_it_is_recorded(db: None, sandbox: Sandbox) -> None:
    demo()
    acme = Team.objects.get(slug="acme")
    events = AuditEvent.objects.filter(chain=acme.chain).values_list("event", flat=True)
    assert set(events) == {
        "team.created", "member.added", "account.connected", "token.stored",
        "account.sync_token_chosen",
    }  # fmt: skip
    assert AuditEvent.objects.filter(chain="panel", event="demo.loaded").count() == 1


def test_a_second_time_changes_nothing(db: None, sandbox: Sandbox) -> None:
    demo()
    before = rows()
    sandbox.journal.clear()
    assert demo() == ""
    assert rows() == before
    assert not sandbox.journal.entries()


def test_a_token_that_was_removed_stays_removed(db: None, sandbox: Sandbox) -> None:
    demo()
    Credential.objects.filter(user__email="operator@example.com").delete()
    demo()
    assert not Credential.objects.filter(user__email="operator@example.com").exists()


def test_another_address_gets_accounts_of_its_own(
    db: None, sandbox: Sandbox, settings: Settings
) -> None:
    demo()
    settings.VPSORG_API_ORIGIN = "https://api.example.org"
    demo()
    accounts = Account.objects.filter(team__slug="acme").values_list("name", "origin")
    assert sorted(accounts) == [("Acme", sandbox.url), ("Acme 2", "https://api.example.org")]
    assert not Credential.objects.filter(account__name="Acme 2").exists()
    before = rows()
    demo()
    assert rows() == before


def test_a_given_token_is_everybodys(
    db: None, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VPSORG_API_TOKEN", OPERATOR_TOKEN)
    assert demo() == ""
    kept = Credential.objects.values_list("user__email", "account__name", "is_sync")
    assert sorted(kept) == [
        ("admin@example.com", "Acme", False),
        ("operator@example.com", "Acme", False),
        ("owner@example.com", "Acme", True),
    ]
    assert len(set(Credential.objects.values_list("fingerprint", flat=True))) == 1
    before = rows()
    assert demo() == ""
    assert rows() == before


def test_another_given_token_replaces_it(
    db: None, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VPSORG_API_TOKEN", OPERATOR_TOKEN)
    demo()
    first = Credential.objects.get(user__email="owner@example.com")
    monkeypatch.setenv("VPSORG_API_TOKEN", OWNER_TOKEN)
    demo()
    second = Credential.objects.get(user__email="owner@example.com")
    assert second.fingerprint != first.fingerprint
    assert second.is_sync
    assert Credential.objects.count() == 3


def test_a_refused_token_is_one_sentence(
    db: None, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VPSORG_API_TOKEN", REVOKED_TOKEN)
    said = demo()
    assert said.count("\n") == 1
    assert "VPS.org refused this token" in said
    assert REVOKED_TOKEN not in said
    assert not Credential.objects.exists()
    assert User.objects.filter(is_demo=True).count() == 6


def test_a_silent_provider_is_one_sentence_an_account(db: None, settings: Settings) -> None:
    settings.VPSORG_API_ORIGIN = "http://127.0.0.1:9"
    said = demo()
    assert said.count("\n") == 2
    assert not Credential.objects.exists()


def test_it_lists_the_sign_ins(db: None) -> None:
    said = demo("--list")
    assert said.count("\n") == 6
    assert "viewer@example.com" in said
    assert PASSWORD in said
    assert not User.objects.exists()


def test_it_refuses_without_the_flag(db: None, settings: Settings) -> None:
    settings.PANEL_DEMO = False
    with pytest.raises(CommandError, match="PANEL_DEMO=1"):
        demo()
    assert not User.objects.exists()


def test_it_refuses_a_database_that_people_work_in(alice: Person) -> None:
    with pytest.raises(CommandError, match="not the demo's"):
        demo()
    assert not User.objects.filter(is_demo=True).exists()
