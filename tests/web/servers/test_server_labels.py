import pytest

from controlpanel.accounts.models import TeamPolicy
from controlpanel.audit.models import AuditEvent
from controlpanel.servers.labels import replace
from controlpanel.servers.models import Server, ServerLabel
from tests.people import Person, join, with_labels
from tests.web.asking import hidden, shows

LIST = "/teams/acme/servers/"
URL = f"{LIST}12345/labels/"


@pytest.fixture
def web(server) -> Server:
    found: Server = server("web-server-01")
    return found


def labels(server: Server) -> set[str]:
    return {str(label) for label in ServerLabel.objects.filter(server=server)}


def test_it_works(bob: Person, web: Server) -> None:
    answer = bob.post(URL, {"labels": "Env:prod, urgent"})
    assert (answer.status_code, answer["Location"]) == (303, f"{LIST}12345/")
    assert labels(web) == {"env:prod", "urgent"}
    assert 'value="env:prod urgent"' in bob.get(URL).content.decode()
    bob.post(URL, {"labels": ""})
    assert labels(web) == set()


def test_they_are_shown_on_the_servers_page_and_in_the_list(bob: Person, web: Server) -> None:
    bob.post(URL, {"labels": "env:prod a b"})
    for page in (f"{LIST}12345/", LIST):
        text = bob.get(page).content.decode()
        assert f'href="{LIST}?label=a"' in text
    page = bob.get(f"{LIST}12345/").content.decode()
    assert f'href="{LIST}?label=env%3Aprod"' in page


def test_the_list_is_filtered_by_them(bob: Person, web: Server) -> None:
    bob.post(URL, {"labels": "env:prod"})
    page = bob.get(f"{LIST}?label=env:prod")
    assert page.context["paging"]["total"] == 1
    assert [(chip.label, chip.value) for chip in page.context["chips"]] == [("Label", "env:prod")]
    assert bob.get(f"{LIST}?label=env").context["paging"]["total"] == 1
    nothing = bob.get(f"{LIST}?label=%22%3E%3Cscript%3E")
    assert nothing.context["nothing"] == "no_match"
    assert "<script>alert" not in nothing.content.decode()


def test_what_is_wrong_is_said_and_kept(bob: Person, web: Server) -> None:
    answer = bob.post(URL, {"labels": "ok no/label"})
    assert answer.status_code == 422
    assert "“no/label” is no label" in answer.content.decode()
    assert 'value="ok no/label"' in answer.content.decode()
    assert labels(web) == set()


@pytest.mark.parametrize(("had", "left", "status"), [
    (30, 30, 303), (30, 25, 303), (30, 20, 303), (30, 0, 303), (40, 39, 303), (20, 20, 303),
    (30, 31, 422), (20, 21, 422), (19, 21, 422), (0, 21, 422),
])  # fmt: skip
def test_too_many_that_were_joined_can_be_taken_off_one_by_one(
    bob: Person, web: Server, had: int, left: int, status: int
) -> None:
    long = [f"k{number:02}{'x' * 37}:{'y' * 60}" for number in range(40)]
    replace(web, long[:had])
    answer = bob.post(URL, {"labels": " ".join(long[:left])})
    assert answer.status_code == status
    assert labels(web) == set(long[: left if status == 303 else had])
    assert status == 303 or "at most 20 labels" in answer.content.decode()


def test_nobody_labels_a_server_out_of_their_own_sight(bob: Person, web: Server, team) -> None:
    bob.post(URL, {"labels": "env:prod"})
    pat = join(team, "pat", "operator", with_labels("env:prod"))
    answer = pat.post(URL, {"labels": "urgent"})
    assert answer.status_code == 422
    assert "One of your own labels must stay" in answer.content.decode()
    assert labels(web) == {"env:prod"}


def test_it_requires_the_right(vera: Person, web: Server) -> None:
    assert vera.post(URL, {"labels": "x"}).status_code == 403
    assert "Edit labels" in vera.get(f"{LIST}12345/").content.decode()


def test_it_hides_from_outsiders(charlie: Person, web: Server) -> None:
    assert charlie.post(URL, {"labels": "x"}).status_code == 404


def test_a_label_that_decides_access_is_not_the_operators(
    alice: Person, bob: Person, web: Server, team
) -> None:
    """At the field, with what was typed, and with who can do it instead."""
    join(team, "pat", "viewer", with_labels("env:prod"))
    answer = bob.post(URL, {"labels": "env:prod urgent"})
    assert answer.status_code == 403
    assert shows(answer, "These labels decide who sees a server")
    assert shows(answer, "Alice or Adam can.")
    assert 'value="env:prod urgent"' in answer.content.decode()
    assert labels(web) == set()


def test_before_it_changes_who_sees_the_server_the_page_says_so(
    alice: Person, web: Server, team
) -> None:
    join(team, "pat", "viewer", with_labels("env:prod"))
    join(team, "vic", "viewer", with_labels("env:test"))
    ServerLabel.objects.create(server=web, key="env", value="test")
    assert shows(alice.get(URL), "(Pat)")
    told = alice.post(URL, {"labels": "env:prod"})
    assert told.status_code == 200
    assert shows(told, "Nothing is saved yet")
    assert shows(told, "Pat gains it.")
    assert shows(told, "Vic loses it.")
    assert labels(web) == {"env:test"}
    form = {"labels": "env:prod", "told": hidden(told, "told")}
    # What was not said is not done: other labels, or somebody who came meanwhile.
    assert alice.post(URL, {**form, "labels": ""}).status_code == 200
    join(team, "kim", "viewer", with_labels("env"))
    join(team, "pia", "viewer", with_labels("env:prod"))
    told = alice.post(URL, form)
    assert shows(told, "Pia gains it.")
    assert labels(web) == {"env:test"}
    assert alice.post(URL, {**form, "told": hidden(told, "told")}).status_code == 303
    assert labels(web) == {"env:prod"}


def test_a_label_that_a_policy_names_asks_for_a_reason(bob: Person, web: Server, team) -> None:
    TeamPolicy.objects.create(team=team, reason_labels=["env:prod"])
    page = bob.get(URL)
    assert shows(page, "Your team asks for a reason before these are added or taken off")
    answer = bob.post(URL, {"labels": "env:prod"})
    assert answer.status_code == 422
    assert shows(answer, "asks for a reason before these labels")
    assert 'value="env:prod"' in answer.content.decode()
    assert labels(web) == set()
    assert bob.post(URL, {"labels": "env:prod", "reason": "It is live now."}).status_code == 303
    assert AuditEvent.objects.get(event="server.labelled").reason == "It is live now."


def test_who_reaches_what_is_for_those_who_manage_members(
    alice: Person, bob: Person, web: Server, team
) -> None:
    ServerLabel.objects.create(server=web, key="env", value="prod")
    join(team, "pat", "viewer", with_labels("env:prod"))
    page = bob.get(URL)
    assert shows(page, "only somebody who manages all members")
    assert not shows(page, "(Pat)")
    for form in (alice.get(f"{LIST}new/"), alice.get(URL)):
        assert shows(form, "These decide who sees a server:")
        assert shows(form, "(Pat)")
