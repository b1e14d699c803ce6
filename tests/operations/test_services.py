import pytest

from controlpanel.audit.models import AuditEvent
from controlpanel.operations import services
from controlpanel.operations.models import Operation
from controlpanel.operations.services import NotAllowed, Refused
from tests.operations.asks import NEW, ask, create, power, rename, sent


def test_asking_writes_the_row_and_the_intent_and_sends_nothing(bob, server, sandbox):
    operation = power(bob, "reboot", server("web-server-01"))
    assert operation.state == "requested"
    assert (operation.actor_name, operation.actor_role) == (bob.user.email, "operator")
    event = AuditEvent.objects.get(event="server.reboot")
    assert (event.phase, event.result) == ("intent", "pending")
    assert event.operation_id == str(operation.id)
    assert not sandbox.changes()


def test_the_same_form_gives_the_same_operation(bob, server):
    target, same = server("web-server-01"), ask("f" * 32)
    scope = bob.scope("servers.reboot")
    first = services.reboot(scope, target, same)
    again = services.reboot(scope, target, same)
    assert first.id == again.id
    assert Operation.objects.count() == 1
    assert AuditEvent.objects.filter(event="server.reboot").count() == 1


def test_another_person_may_use_the_same_form_id(alice, bob, server):
    services.reboot(bob.scope("servers.reboot"), server("web-server-01"), ask("f" * 32))
    services.reboot(alice.scope("servers.reboot"), server("db-server-01"), ask("f" * 32))
    assert Operation.objects.count() == 2


def test_a_scope_without_the_right_is_a_mistake_in_the_code(vera, server):
    with pytest.raises(NotAllowed):
        services.reboot(vera.scope(), server("web-server-01"), ask())
    assert not Operation.objects.exists()


def test_a_foreign_account_is_a_mistake_in_the_code(bob, other_account):
    with pytest.raises(NotAllowed):
        services.create(bob.scope("servers.create"), other_account, dict(NEW), ask())


def test_it_refuses_without_a_token_of_ones_own(bob, server):
    bob.user.credentials.all().delete()
    with pytest.raises(Refused, match="no API token"):
        power(bob, "reboot", server("web-server-01"))


def test_it_refuses_what_the_state_forbids(bob, server):
    with pytest.raises(Refused, match="already running"):
        power(bob, "start", server("web-server-01"))
    with pytest.raises(Refused, match="already stopped"):
        power(bob, "stop", server("build-runner"))
    with pytest.raises(Refused, match="start it instead"):
        power(bob, "reboot", server("build-runner"))
    with pytest.raises(Refused, match="suspended"):
        power(bob, "start", server("old-shop"))
    assert not Operation.objects.exists()


def test_it_refuses_a_second_create_of_a_name_while_one_is_unknown(bob, alice, synced, sandbox):
    sandbox.fault("drop_after", "POST", "/servers/$")
    first = sent(create(bob, synced))
    assert first.state == "unknown"
    with pytest.raises(Refused) as refusal:
        create(alice, synced)
    assert refusal.value.operation == first
    create(alice, synced, name="another-name")


def test_it_refuses_a_second_create_of_a_name_until_the_first_is_there(bob, alice, synced):
    first = sent(create(bob, synced))
    assert first.state == "accepted"
    with pytest.raises(Refused) as refusal:
        create(alice, synced)
    assert refusal.value.operation == first


def test_it_refuses_a_change_while_another_is_being_sent(bob, alice, server):
    first = power(bob, "reboot", server("web-server-01"))
    with pytest.raises(Refused) as refusal:
        rename(alice, server("web-server-01"), "other")
    assert refusal.value.operation == first


def test_it_refuses_on_a_server_that_is_being_deleted(adam, bob, server, sandbox):
    sandbox.fault("drop_before", "DELETE")
    sent(power(adam, "delete", server("web-server-01")))
    with pytest.raises(Refused, match="being deleted"):
        power(bob, "reboot", server("web-server-01"))


def test_it_refuses_changes_through_a_dialect_it_cannot_write(bob, synced, server):
    synced.writable = False
    synced.save(update_fields=["writable"])
    with pytest.raises(Refused, match="switched off"):
        power(bob, "reboot", server("web-server-01"))


def test_it_refuses_an_account_of_another_address(bob, server, settings):
    target = server("web-server-01")
    settings.VPSORG_API_ORIGIN = "https://elsewhere.example"
    with pytest.raises(Refused, match="another API address"):
        power(bob, "reboot", target)


def test_a_person_closes_what_nobody_can_observe(bob, server, sandbox):
    sandbox.fault("drop_after", "POST", "/reboot/$")
    operation = sent(power(bob, "reboot", server("web-server-01")))
    assert operation.state == "unknown"
    assert services.close(bob.scope("servers.reboot"), operation, "Looked at its console: it did.")
    assert not services.close(bob.scope("servers.reboot"), operation, "Again")
    event = AuditEvent.objects.get(event="operation.closed")
    assert event.reason == "Looked at its console: it did."
