"""The page on which an owner names where the team's checkpoints go."""

from datetime import timedelta

from pytest_django import Settings

from controlpanel.accounts.teams import teams
from controlpanel.accounts.teams.members import OWNER
from controlpanel.audit.checkpoints import delivery
from controlpanel.audit.models import AuditEvent, Delivery
from controlpanel.lib import clock
from controlpanel.operations.leaving import disconnecting
from tests.people import HTMX, Person
from tests.web.asking import shows

URL = "/teams/acme/audit/checkpoints/"
HOOK = "https://audit.example.com/in/0123456789"
BOTH = {"webhook": HOOK, "mail": "audit@example.com"}


def addresses(person: Person) -> dict[str, str]:
    return {way: row.address for way, row in delivery.of(person.team.chain).items()}


def test_it_works(alice: Person) -> None:
    assert shows(alice.get(URL), "They are sent nowhere.")
    answer = alice.post(URL, BOTH)
    assert (answer.status_code, answer["Location"]) == (303, URL)
    assert addresses(alice) == BOTH
    page = alice.get(URL)
    assert shows(page, f'value="{HOOK}"')
    assert shows(page, 'value="audit@example.com"')
    assert shows(page, "not yet")


def test_it_works_through_htmx(alice: Person) -> None:
    answer = alice.post(URL, BOTH, headers=HTMX)
    assert (answer.status_code, answer["HX-Redirect"]) == (204, URL)


def test_empty_is_off(alice: Person) -> None:
    alice.post(URL, BOTH)
    assert alice.post(URL, {"webhook": "", "mail": ""}).status_code == 303
    assert addresses(alice) == {}


def test_what_is_wrong_is_said_at_the_field_and_what_was_typed_stays(alice: Person) -> None:
    for name, value, words in (
        ("webhook", "http://audit.example.com/", "must begin with https://"),
        ("webhook", "audit.example.com", "Write a whole address"),
        ("webhook", "https://me:pw@audit.example.com/", "Leave out user name and password."),
        ("webhook", "https://169.254.169.254/", "leads into a private network"),
        ("webhook", "https://localhost/", "leads into a private network"),
        ("mail", "audit", "Write one e-mail address"),
        ("mail", "a@example.com, b@example.com", "Write one e-mail address"),
    ):
        answer = alice.post(URL, BOTH | {name: value})
        assert answer.status_code == 422
        assert words in str(answer.context["form"].errors[name])
        assert shows(answer, words)
        assert shows(answer, f'value="{value}"'), name
    assert not Delivery.objects.exists()


def test_a_setting_allows_private_addresses(alice: Person, settings: Settings) -> None:
    settings.PANEL_HOOK_PRIVATE = True
    assert alice.post(URL, {"webhook": "http://127.0.0.1:9/"}).status_code == 303


def test_it_is_on_record_without_what_follows_the_host(alice: Person) -> None:
    alice.post(URL, BOTH)
    event = AuditEvent.objects.get(event="audit.delivery_changed")
    assert event.actor_name == "alice@example.com"
    assert event.data["before"] == {"webhook": "", "mail": ""}
    assert event.data["after"]["mail"] == "audit@example.com"
    assert event.data["after"]["webhook"].startswith("https://audit.example.com (")
    assert "0123456789" not in event.canonical
    assert shows(alice.get("/teams/acme/audit/"), "changed where the checkpoints of")


def test_saving_the_same_changes_and_records_nothing(alice: Person) -> None:
    alice.post(URL, BOTH)
    Delivery.objects.update(number=7)
    alice.post(URL, BOTH)
    assert AuditEvent.objects.filter(event="audit.delivery_changed").count() == 1
    assert set(Delivery.objects.values_list("number", flat=True)) == {7}


def test_it_says_how_it_goes(alice: Person, audrey: Person) -> None:
    alice.post(URL, BOTH)
    now = clock.now()
    Delivery.objects.filter(way="webhook").update(
        delivered_at=now - timedelta(hours=3),
        number=12,
        failing_since=now - timedelta(hours=2),
        trouble="refused 500",
    )
    page = alice.get(URL)
    assert shows(page, "Failing since")
    assert shows(page, "it did not accept the checkpoint (status 500)")
    assert shows(page, "#12")
    page = audrey.get(URL)
    assert shows(page, "Failing since")
    assert shows(page, "audit.example.com")
    assert "0123456789" not in page.content.decode()
    assert not shows(page, "Save the addresses")
    assert shows(page, "Alice can.")


def test_it_requires_the_right(audrey: Person, vera: Person, adam: Person) -> None:
    assert vera.get(URL).status_code == 403
    for person in (audrey, adam, vera):
        assert person.post(URL, BOTH).status_code == 403
    assert not Delivery.objects.exists()


def test_it_asks_again_after_a_while(alice: Person) -> None:
    alice.signed_in_ago(minutes=16)
    for answer in (alice.get(URL), alice.post(URL, BOTH)):
        assert answer.status_code == 302
        assert "/reauthenticate/" in answer["Location"]
    assert not Delivery.objects.exists()


def test_it_hides_from_outsiders(charlie: Person, alice: Person) -> None:
    assert charlie.get(URL).status_code == 404
    assert charlie.post(URL, BOTH).status_code == 404


def test_mail_names_the_team_as_it_is_called_now(alice: Person) -> None:
    alice.post(URL, BOTH)
    teams.change(alice.scope(), "Acme Ltd", "red")
    assert set(Delivery.objects.values_list("team", flat=True)) == {"Acme Ltd"}


def test_a_closed_team_is_sent_nothing(alice: Person) -> None:
    alice.post(URL, BOTH)
    assert alice.membership.role == OWNER
    disconnecting.close(alice.scope())
    assert not Delivery.objects.exists()
