"""Where a team wants to know why, nothing is asked for without a reason."""

import pytest

from controlpanel.accounts.models import TeamPolicy
from controlpanel.operations import services
from controlpanel.operations.models import Operation
from controlpanel.operations.services import Ask, Refused
from controlpanel.servers import labels
from tests.operations.asks import NEW, fresh

WEB = "web-server-01"
ANSWERS = {
    "reboot": "before a server is rebooted",
    "stop": "before a server is stopped",
    "delete": "before a server is deleted",
}


def wants(team, *kinds, labels=()):
    TeamPolicy.objects.create(team=team, reason_kinds=list(kinds), reason_labels=list(labels))


def ask(person, kind, server, reason="", form_id="form-0001"):
    return getattr(services, kind)(person.scope(f"servers.{kind}"), server, Ask(form_id, reason))


@pytest.mark.parametrize(("kind", "words"), ANSWERS.items())
@pytest.mark.parametrize("reason", ["", "  ", "\u200b\u202e"])
def test_it_refuses_before_anything_is_written(alice, team, server, kind, words, reason):
    wants(team, kind)
    with pytest.raises(Refused, match=words) as refused:
        ask(alice, kind, server(WEB), reason)
    assert refused.value.field == "reason"
    assert not Operation.objects.exists()
    assert ask(alice, kind, server(WEB), "Planned.").reason == "Planned."


def test_an_edit_and_a_create_are_refused_as_well(bob, team, synced, server):
    wants(team, "update", "create")
    with pytest.raises(Refused, match="is changed"):
        services.update(bob.scope(), server(WEB), {"name": "web"}, {"name": WEB}, Ask("form-0001"))
    with pytest.raises(Refused, match="is created"):
        services.create(bob.scope(), synced, dict(NEW), Ask("form-0001"))
    assert not Operation.objects.exists()


def test_other_kinds_need_none(alice, team, server):
    wants(team, "delete")
    assert ask(alice, "reboot", server(WEB)).state == "requested"


def test_labels_of_the_server_decide(alice, team, server):
    wants(team, labels=["env:prod"])
    assert ask(alice, "reboot", server("db-server-01")).state == "requested"
    labels.put(alice.scope(), server(WEB), frozenset({"env:prod"}), "It is production.")
    with pytest.raises(Refused, match="is rebooted"):
        ask(alice, "reboot", server(WEB), form_id="form-0002")


def test_labels_of_a_new_server_decide(bob, team, synced):
    wants(team, labels=["env"])
    create = services.create
    with pytest.raises(Refused, match="is created"):
        create(bob.scope(), synced, dict(NEW), Ask("form-0001"), frozenset({"env:prod"}))
    made = create(bob.scope(), synced, dict(NEW), Ask("form-0001"), frozenset({"web"}))
    assert made.state == "requested"


def test_the_same_form_is_the_same_operation_whatever_is_asked_meanwhile(alice, team, server):
    operation = ask(alice, "reboot", server(WEB))
    wants(team, "reboot")
    assert ask(alice, "reboot", server(WEB)) == fresh(operation.id)


def test_another_teams_policy_is_none_of_ours(alice, other_team, server):
    wants(other_team, "reboot")
    assert ask(alice, "reboot", server(WEB)).state == "requested"
