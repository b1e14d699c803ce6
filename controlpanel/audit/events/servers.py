"""Of servers and the operations on them."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from controlpanel.audit.events.event_type import EventType, event_type, operation_type

SERVERS: Final[tuple[EventType, ...]] = (
    event_type(
        "server.labelled",
        _("Labels changed"),
        _("%(actor)s changed the labels of %(target)s"),
        required=("before", "after"),
        # Of those taken off the ones that a policy or anybody's reach names; ids of the people who
        # see the server by it, or whose panel keys do.
        optional=("guarded", "gains"),
    ),
    event_type("server.locked", _("Locked"), _("%(actor)s locked %(target)s"), required=("level",)),
    event_type(
        "server.unlocked",
        _("Lock released"),
        _("%(actor)s released the lock of %(target)s"),
        required=("level", "locked_by"),
    ),
    event_type(
        "server.replaced",
        _("Id given again"),
        _(
            "The id of %(target)s came back as another server, so it was taken out of "
            "everybody’s chosen servers"
        ),
        required=("members", "invitations", "keys"),
    ),
    operation_type(
        "server.create",
        _("Create server"),
        {
            "intent": _("%(actor)s asked for a new server %(target)s"),
            "outcome.success": _("%(actor)s created %(target)s"),
            "outcome.failure": _("%(actor)s could not create %(target)s"),
            "outcome.denied": _("The request of %(actor)s to create %(target)s was never sent"),
            "outcome.unknown": _(
                "%(actor)s asked for a new server %(target)s and got no clear answer from VPS.org"
            ),
            "observed": _("%(target)s was seen at VPS.org after it was created"),
            "reconciled.success": _("%(target)s was found: it had been created"),
            "reconciled.failure": _("%(target)s was looked for and had not been created"),
            "reconciled.unknown": _("It is not known whether %(target)s was created"),
        },
    ),
    operation_type(
        "server.update",
        _("Edit server"),
        {
            "intent": _("%(actor)s asked to edit %(target)s"),
            "outcome.success": _("%(actor)s edited %(target)s"),
            "outcome.failure": _("%(actor)s could not edit %(target)s"),
            "outcome.denied": _("The request of %(actor)s to edit %(target)s was never sent"),
            "outcome.unknown": _(
                "%(actor)s asked to edit %(target)s and got no clear answer from VPS.org"
            ),
            "observed": _("The edit of %(target)s was seen at VPS.org"),
            "reconciled.success": _("%(target)s was looked at: it had been edited"),
            "reconciled.failure": _("%(target)s was looked at: it had not been edited"),
            "reconciled.unknown": _("It is not known whether %(target)s was edited"),
            "confirmed": _("%(actor)s confirmed that %(target)s was edited"),
        },
    ),
    operation_type(
        "server.delete",
        _("Delete server"),
        {
            "intent": _("%(actor)s asked to delete %(target)s"),
            "outcome.success": _("%(actor)s deleted %(target)s"),
            "outcome.failure": _("%(actor)s could not delete %(target)s"),
            "outcome.denied": _("The request of %(actor)s to delete %(target)s was never sent"),
            "outcome.unknown": _(
                "%(actor)s asked to delete %(target)s and got no clear answer from VPS.org"
            ),
            "observed": _("%(target)s was seen to be gone from VPS.org"),
            "reconciled.success": _("%(target)s was looked for: it had been deleted"),
            "reconciled.failure": _("%(target)s was looked for: it had not been deleted"),
            "reconciled.unknown": _("It is not known whether %(target)s was deleted"),
        },
    ),
    operation_type(
        "server.start",
        _("Start server"),
        {
            "intent": _("%(actor)s asked to start %(target)s"),
            "outcome.success": _("%(actor)s started %(target)s"),
            "outcome.failure": _("%(actor)s could not start %(target)s"),
            "outcome.denied": _("The request of %(actor)s to start %(target)s was never sent"),
            "outcome.unknown": _(
                "%(actor)s asked to start %(target)s and got no clear answer from VPS.org"
            ),
            "observed": _("%(target)s was seen running after it was started"),
            "reconciled.success": _("%(target)s was looked at: it had been started"),
            "reconciled.failure": _("%(target)s was looked at: it had not been started"),
            "reconciled.unknown": _("It is not known whether %(target)s was started"),
            "confirmed": _("%(actor)s confirmed that %(target)s was started"),
        },
    ),
    operation_type(
        "server.stop",
        _("Stop server"),
        {
            "intent": _("%(actor)s asked to stop %(target)s"),
            "outcome.success": _("%(actor)s stopped %(target)s"),
            "outcome.failure": _("%(actor)s could not stop %(target)s"),
            "outcome.denied": _("The request of %(actor)s to stop %(target)s was never sent"),
            "outcome.unknown": _(
                "%(actor)s asked to stop %(target)s and got no clear answer from VPS.org"
            ),
            "observed": _("%(target)s was seen stopped"),
            "reconciled.success": _("%(target)s was looked at: it had been stopped"),
            "reconciled.failure": _("%(target)s was looked at: it had not been stopped"),
            "reconciled.unknown": _("It is not known whether %(target)s was stopped"),
            "confirmed": _("%(actor)s confirmed that %(target)s was stopped"),
        },
    ),
    operation_type(
        "server.reboot",
        _("Reboot server"),
        {
            "intent": _("%(actor)s asked to reboot %(target)s"),
            "outcome.success": _("%(actor)s rebooted %(target)s"),
            "outcome.failure": _("%(actor)s could not reboot %(target)s"),
            "outcome.denied": _("The request of %(actor)s to reboot %(target)s was never sent"),
            "outcome.unknown": _(
                "%(actor)s asked to reboot %(target)s and got no clear answer from VPS.org"
            ),
            "observed": _("%(target)s was seen running after its reboot"),
            "reconciled.success": _("%(target)s was looked at: it had been rebooted"),
            "reconciled.failure": _("%(target)s was looked at: it had not been rebooted"),
            "reconciled.unknown": _("It is not known whether %(target)s was rebooted"),
            "confirmed": _("%(actor)s confirmed that %(target)s was rebooted"),
        },
    ),
    event_type(
        "operation.closed",
        _("Operation closed"),
        _("%(actor)s closed the open operation on %(target)s"),
        required=("operation", "kind"),
    ),
    event_type(
        "operation.dismissed",
        _("Failure dismissed"),
        _("%(actor)s dismissed that a change of %(target)s was not done"),
        required=("operation", "kind"),
    ),
    event_type(
        "outside.appeared",
        _("Appeared outside the panel"),
        _("%(target)s appeared at VPS.org without the panel"),
        ("account", "after"),
    ),
    event_type(
        "outside.vanished",
        _("Vanished outside the panel"),
        _("%(target)s vanished from VPS.org without the panel"),
        ("account", "before"),
    ),
    event_type(
        "outside.changed",
        _("Changed outside the panel"),
        _("%(target)s was changed at VPS.org without the panel (%(fields)s)"),
        ("account", "fields", "before", "after"),
    ),
    event_type(
        "outside.acknowledged",
        _("Outside change acknowledged"),
        _("%(actor)s acknowledged what was done to %(target)s without the panel"),
        ("account", "what", "seq"),
    ),
    event_type(
        "provider.suspicious",
        _("List not believed"),
        _("VPS.org’s list of servers of %(target)s looks incomplete, so nothing is taken from it"),
        ("why", "known", "listed"),
    ),
    event_type(
        "provider.trusted_again",
        _("List believed again"),
        _("VPS.org’s list of servers of %(target)s is whole again"),
        ("since",),
    ),
)
