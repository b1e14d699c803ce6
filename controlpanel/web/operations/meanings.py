"""What a state means for the person who asked, and for the bill; and what can be done next."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from controlpanel.lib import clock
from controlpanel.lib.text import clean
from controlpanel.operations import answer_texts
from controlpanel.operations.models import Operation
from controlpanel.operations.states import STUCK, State
from controlpanel.web.operations import sighting_texts

Words = Mapping[str, Promise]

TITLES: Final[Words] = {
    "create": _l("Create %(server)s"),
    "update": _l("Edit %(server)s"),
    "delete": _l("Delete %(server)s"),
    "start": _l("Start %(server)s"),
    "stop": _l("Stop %(server)s"),
    "reboot": _l("Reboot %(server)s"),
}
_ASKED: Final[Words] = {
    "create": _l("%(actor)s asked to create %(server)s"),
    "update": _l("%(actor)s asked to edit %(server)s"),
    "delete": _l("%(actor)s asked to delete %(server)s"),
    "start": _l("%(actor)s asked to start %(server)s"),
    "stop": _l("%(actor)s asked to stop %(server)s"),
    "reboot": _l("%(actor)s asked to reboot %(server)s"),
}
_DONE: Final[Words] = {
    "create": _l("%(actor)s created %(server)s"),
    "update": _l("%(actor)s edited %(server)s"),
    "delete": _l("%(actor)s deleted %(server)s"),
    "start": _l("%(actor)s started %(server)s"),
    "stop": _l("%(actor)s stopped %(server)s"),
    "reboot": _l("%(actor)s rebooted %(server)s"),
}
KIND_LABELS: Final[Words] = {
    "create": _l("create"),
    "update": _l("edit"),
    "delete": _l("delete"),
    "start": _l("start"),
    "stop": _l("stop"),
    "reboot": _l("reboot"),
}
_HEADLINES: Final[Mapping[State, Promise]] = {
    State.REQUESTED: _l("Waiting to be sent to VPS.org."),
    State.SENDING: _l("Being sent to VPS.org."),
    State.ACCEPTED: _l("VPS.org accepted it."),
    State.OBSERVED: _l("Done, and seen at VPS.org."),
    State.UNKNOWN: _l("Unknown: VPS.org may have done this or not."),
    State.FAILED: _l("Failed: nothing was done."),
    State.CANCELLED: _l("Cancelled: it was never sent."),
    State.NOT_SEEN: _l("Not seen: looked for, and not there."),
    State.CLOSED: _l("Closed by a person."),
}
_ACCEPTED: Final[Words] = {
    "create": _l("The server is being made and is billed from now on. That takes some minutes."),
    "update": _l("The panel looks until VPS.org shows the new values."),
    "delete": _l("The server is being deleted. The panel looks until it is gone."),
    "start": _l("The server is starting. The bill does not change by it."),
    "stop": _l("The server is stopping. A stopped server is still billed."),
    "reboot": _l("The server is rebooting. The bill does not change by it."),
}
_OBSERVED: Final[Words] = {
    "create": _l("The server is there and is billed until it is deleted."),
    "update": _l("VPS.org shows the new values."),
    "delete": _l("The server is gone for good, with its data and its addresses."),
    "start": _l("The server runs."),
    "stop": _l("The server is stopped. It is still billed until it is deleted."),
    "reboot": _l("The server runs again."),
}
_UNKNOWN: Final[Words] = {
    "create": _l("The server may have been created or not. If it was, it is already billed."),
    "update": _l(
        "The change may have been made or not. If it switched backups, they may already be "
        "billed differently."
    ),
    "delete": _l(
        "The server may be gone for good, or it may still be there and be billed as before."
    ),
    "start": _l("The server may be starting or not. The bill is the same either way."),
    "stop": _l(
        "The server may be stopping or not. It is billed the same either way: a stopped server is "
        "still billed."
    ),
    "reboot": _l("The server may have rebooted or not. The bill is the same either way."),
}
_RECONCILING: Final[Words] = {
    "create": _l(
        "Nothing was sent twice and nothing will be. The panel looks for a new server of this "
        "name, plan, system and location, and adopts it by itself. Until this is settled, another "
        "create of the same name is refused, so that you do not pay for two."
    ),
    "delete": _l(
        "Nothing was sent twice and nothing will be. The panel looks for two minutes whether the "
        "server is still there, then says so here."
    ),
    "reboot": _l(
        "Nothing was sent twice and nothing will be. The panel keeps what VPS.org shows for ten "
        "minutes. That is no proof of a reboot, so this stays open until a person has looked at "
        "the server and confirms it, or closes it with a note."
    ),
}
_RECONCILING_OTHERWISE = _l(
    "Nothing was sent twice and nothing will be. The panel looks for two minutes what VPS.org "
    "shows, then says so here."
)
_NOT_SEEN: Final[Words] = {
    "create": _l(
        "No new server of this name turned up, so as far as VPS.org shows there is none to be "
        "billed."
    ),
    "update": _l("VPS.org still shows other values than those that were sent."),
    "delete": _l("The server is still there, and it is still billed."),
    "start": _l("VPS.org does not show the server running. The bill is unchanged."),
    "stop": _l("VPS.org does not show the server stopped. The bill is unchanged."),
    "reboot": _l("VPS.org shows no sign of it. The bill is unchanged."),
}
_UNDONE: Final[Words] = {
    "create": _l("No server was created, and nothing is billed for it."),
    "update": _l("None of the server's values was changed by this."),
    "delete": _l("Nothing was deleted. While the server exists, it is billed."),
    "start": _l("The server was not started by this. The bill is unchanged."),
    "stop": _l("The server was not stopped by this. The bill is unchanged."),
    "reboot": _l("The server was not rebooted by this. The bill is unchanged."),
}
_CLOSED: Final[Words] = {
    "create": _l(
        "The panel no longer looks for this server. If it exists at VPS.org, it is billed there."
    ),
    "delete": _l(
        "The panel no longer looks whether the server is gone. While it exists, it is billed."
    ),
    "update": _l(
        "The panel no longer looks what came of it. If it switched backups, they may be billed "
        "differently."
    ),
}
_CLOSED_OTHERWISE = _l("The panel no longer looks what came of it. The bill is unchanged.")


@dataclass(frozen=True, slots=True)
class Meaning:
    """`tone` of the banner: "", "good", "warn" or "bad"."""

    tone: str
    headline: str
    meaning: str
    then: str = ""


def title(operation: Operation) -> str:
    return str(TITLES[operation.kind]) % {"server": _server(operation)}


def sentence(operation: Operation) -> str:
    """Says "rebooted" only of what was observed; before that, and else, somebody asked for it."""
    words = _DONE if operation.state == State.OBSERVED.value else _ASKED
    return str(words[operation.kind]) % {
        "actor": operation.actor_name,
        "server": _server(operation),
    }


def meaning(operation: Operation) -> Meaning:
    state = State(operation.state)
    headline, (tone, said, then) = str(_HEADLINES[state]), _BY_STATE[state](operation)
    if operation.confirmed_by:
        headline = _("Done: %(person)s confirmed it.") % {
            "person": clean(operation.confirmed_by, 254)
        }
    if is_stuck(operation):
        tone, headline = "warn", _("This takes unusually long.")
        then = _("It has not failed: nobody knows that. The panel goes on looking.")
    return Meaning(tone, headline, said, then)


def sent_with(operation: Operation) -> str:
    """With whose token it was sent, where that was not their own."""
    if not operation.service_token:
        return ""
    return _(
        "the service token “%(name)s” of %(owner)s, because %(actor)s kept no API token for this "
        "account"
    ) % {
        "name": operation.service_token["name"],
        "owner": operation.service_token["owner"],
        "actor": operation.actor_name,
    }


def if_unknown(operation: Operation) -> str:
    """For an answer page whose operation could not be brought into that state."""
    return str(_UNKNOWN[operation.kind])


def is_stuck(operation: Operation) -> bool:
    """Accepted or unknown for so long that a person may want to end it."""
    waits = operation.state in {State.ACCEPTED.value, State.UNKNOWN.value}
    return waits and _since(operation) > STUCK


def moves(operation: Operation) -> bool:
    """Something is to be expected within seconds, rather than minutes or a person's doing."""
    waits = operation.state == State.UNKNOWN.value or is_stuck(operation)
    return operation.is_open and not waits


def _since(operation: Operation) -> timedelta:
    return clock.now() - (operation.answered_at or operation.requested_at)


def _server(operation: Operation) -> str:
    name = clean(operation.server_name, 255) or clean(operation.provider_id, 64)
    return name or _("a server")


_Said = tuple[str, str, str]


def _requested(_operation: Operation) -> _Said:
    return (
        "",
        _("Nothing was sent yet: all places in which a page may wait for VPS.org are taken."),
        _("A worker sends it in a moment. You may leave this page."),
    )


def _sending(_operation: Operation) -> _Said:
    return (
        "",
        _("The request is on its way, and VPS.org may be acting on it already."),
        _("If no answer can be had, this receipt says so and the panel looks what came of it."),
    )


def _accepted(operation: Operation) -> _Said:
    return "", str(_ACCEPTED[operation.kind]), _("You may leave this page.")


def _observed(operation: Operation) -> _Said:
    if operation.confirmed_by:
        return "good", sighting_texts.confirmed(operation), ""
    return "good", str(_OBSERVED[operation.kind]), ""


def _unknown(operation: Operation) -> _Said:
    reconciling = str(_RECONCILING.get(operation.kind, _RECONCILING_OTHERWISE))
    said = (
        answer_texts.answered(operation),
        str(_UNKNOWN[operation.kind]),
        sighting_texts.since(operation),
    )
    return "warn", " ".join(filter(None, said)), reconciling


def _failed(operation: Operation) -> _Said:
    return "bad", answer_texts.failure(operation), str(_UNDONE[operation.kind])


def _cancelled(operation: Operation) -> _Said:
    return "bad", str(_UNDONE[operation.kind]), operation.note


def _not_seen(operation: Operation) -> _Said:
    return (
        "warn",
        str(_NOT_SEEN[operation.kind]),
        _("It was sent once and is not sent again by itself. You may start a new one."),
    )


def _closed(operation: Operation) -> _Said:
    return (
        "",
        str(_CLOSED.get(operation.kind, _CLOSED_OTHERWISE)),
        _("The note says what was found."),
    )


_BY_STATE: Final = {
    State.REQUESTED: _requested,
    State.SENDING: _sending,
    State.ACCEPTED: _accepted,
    State.OBSERVED: _observed,
    State.UNKNOWN: _unknown,
    State.FAILED: _failed,
    State.CANCELLED: _cancelled,
    State.NOT_SEEN: _not_seen,
    State.CLOSED: _closed,
}
