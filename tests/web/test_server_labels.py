import pytest

from controlpanel.servers.models import Server, ServerLabel
from tests.people import Person, join, with_labels

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
