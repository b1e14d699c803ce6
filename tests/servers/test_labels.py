"""Labels: the panel's own, for finding servers and for saying whom they are for."""

import pytest

from controlpanel.accounts.access import Denied
from controlpanel.audit.models import AuditEvent
from controlpanel.servers import labels, selectors
from controlpanel.servers.labels import LabelRefused
from controlpanel.servers.models import ServerLabel
from controlpanel.servers.selectors import Filters
from tests.people import join, with_labels, with_servers

WEB, DB = "web-server-01", "db-server-01"


def put(person, server, *names):
    labels.put(person.scope(), server, frozenset(names))


def found(person, label):
    servers = selectors.listed(person.scope(), Filters(label=label))
    return {server.name for server in servers}


def test_it_works(bob, server):
    put(bob, server(WEB), "env:prod", "urgent")
    assert labels.of(server(WEB)) == {"env:prod", "urgent"}
    put(bob, server(WEB), "env:staging")
    assert labels.of(server(WEB)) == {"env:staging"}
    first, second = AuditEvent.objects.filter(event="server.labelled").order_by("seq")
    assert (first.data["before"], first.data["after"]) == ([], ["env:prod", "urgent"])
    # Whoever could see it before and whoever can see it after may read that it changed.
    assert second.labels == "|env|env:prod|env:staging|urgent|"


def test_the_same_again_is_no_change(bob, server):
    put(bob, server(WEB), "env:prod")
    put(bob, server(WEB), "env:prod")
    assert AuditEvent.objects.filter(event="server.labelled").count() == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", set()),
        ("env:prod", {"env:prod"}),
        ("Env:PROD, urgent\n team.a:x_1-2", {"env:prod", "urgent", "team.a:x_1-2"}),
        ("a a a", {"a"}),
        ("a" * 40 + ":" + "b" * 60, {"a" * 40 + ":" + "b" * 60}),
    ],
)
def test_it_reads_what_people_type(text, expected):
    assert labels.read(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        ":prod",
        "env:",
        "env:a:b",
        "-x",
        "a|b",
        "x:|",
        "<b>",
        "a" * 41,
        "a:" + "b" * 61,
        "naïve",
        "%",
    ],
)
def test_what_is_no_label_is_refused(text):
    with pytest.raises(LabelRefused, match="is no label"):
        labels.read(text)


def test_there_is_an_end_to_them():
    assert labels.read(" ".join(f"l{n}" for n in range(20)))
    with pytest.raises(LabelRefused, match="at most 20"):
        labels.read(" ".join(f"l{n}" for n in range(21)))


def test_it_requires_the_right(vera, server):
    with pytest.raises(Denied):
        put(vera, server(WEB), "env:prod")
    assert not ServerLabel.objects.exists()


def test_the_list_is_filtered_by_key_or_by_key_and_value(bob, server):
    put(bob, server(WEB), "env:prod")
    put(bob, server(DB), "env:staging")
    assert found(bob, "env") == {WEB, DB}
    assert found(bob, "env:prod") == {WEB}
    assert found(bob, "prod") == found(bob, "en") == found(bob, "env:pro") == set()


def test_a_word_without_value_and_one_with_are_two(bob, server):
    put(bob, server(WEB), "env")
    put(bob, server(DB), "env:prod")
    assert found(bob, "env") == {WEB, DB}
    assert found(bob, "env:prod") == {DB}


def test_nobody_labels_a_server_out_of_their_own_sight(bob, server, team):
    put(bob, server(WEB), "env:prod", "urgent")
    sam = join(team, "sam", "operator", with_labels("env:prod", "team"))
    with pytest.raises(LabelRefused, match=r"env:prod, team"):
        put(sam, server(WEB), "urgent")
    put(sam, server(WEB), "env:prod", "later")
    assert labels.of(server(WEB)) == {"env:prod", "later"}


def test_who_is_there_for_chosen_servers_keeps_them(server, team):
    sam = join(team, "sam", "operator", with_servers(server(WEB).provider_id))
    put(sam, server(WEB))
    put(sam, server(WEB), "anything")
    assert labels.of(server(WEB)) == {"anything"}


def test_what_there_is_to_choose_from_is_what_is_within_reach(bob, server, team, charlie):
    put(bob, server(WEB), "env:prod", "urgent")
    put(bob, server(DB), "env:staging", "secret")
    assert labels.known(bob.scope()) == ["env", "env:prod", "env:staging", "secret", "urgent"]
    sam = join(team, "sam", "operator", with_labels("env:prod"))
    assert labels.known(sam.scope()) == ["env:prod", "urgent"]
    assert labels.known(charlie.scope()) == []
