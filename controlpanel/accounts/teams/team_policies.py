"""What a team asks of its members beyond the panel's rules, and setting it."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from controlpanel.accounts import access, projections
from controlpanel.accounts.models import Team, TeamPolicy
from controlpanel.accounts.signin import session_policy
from controlpanel.audit.log.content import JSON
from controlpanel.audit.log.recorder import Target, record_by
from controlpanel.lib import clock
from controlpanel.lib.scope import Reach, Scope

# Kinds of operations, as `operations` names them.
KINDS: Final = ("create", "update", "start", "stop", "reboot", "delete")
IDLE_MINUTES: Final = range(5, 10_080 + 1)
SESSION_HOURS: Final = range(1, 720 + 1)
MOST_LABELS: Final = 20
_FIELDS: Final = (
    "reason_kinds",
    "reason_labels",
    "service_tokens",
    "mfa_from",
    "idle_minutes",
    "session_hours",
)


class PolicyRefused(Exception):
    """Nothing was changed; the message is a sentence about this field."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


def of(team_id: UUID) -> TeamPolicy:
    """As it is now; for most teams that is no row, and nothing is asked."""
    return TeamPolicy.objects.filter(team_id=team_id).first() or TeamPolicy(team_id=team_id)


def needs_reason(policy: TeamPolicy, kind: str, labels: Iterable[str]) -> bool:
    """Whether a change of this kind, on a server with these labels, is to be explained."""
    return kind in policy.reason_kinds or any(names_label(policy, label) for label in labels)


def names_label(policy: TeamPolicy, label: str) -> bool:
    """Whether changes of a server with this label are to be explained; "env" names "env:prod"."""
    return Reach("labels", labels=frozenset(policy.reason_labels)).covers(label)


def change(scope: Scope, **fields: Any) -> TeamPolicy:
    """Sets the fields given, from everybody's next request on. Raises PolicyRefused, Denied."""
    # Outside of the transaction, which would take the record of a refusal back with it.
    access.require(access.as_now(scope), "policies.manage", "")
    with transaction.atomic():
        Team.objects.select_for_update().get(id=scope.team_id)
        policy = of(scope.team_id)
        _refuse_unexplained(policy)
        before = _shown(policy)
        for name, value in _checked(fields).items():
            setattr(policy, name, value)
        after = _shown(policy)
        changed = [name for name in _FIELDS if before[name] != after[name]]
        if not changed:
            return policy
        if "mfa_from" in changed:
            _refuse_locking_oneself_out(scope, policy.mfa_from)
        policy.save()
        record_by(
            scope,
            "policy.changed",
            Target("team", str(scope.team_id), scope.team_name),
            rows=[projections.of_policy(policy)],
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed},
        )
    return policy


def _refuse_unexplained(policy: TeamPolicy) -> None:
    """A change of one field would vouch for the others as well."""
    is_there = not policy._state.adding
    if is_there and not projections.is_explained(policy.team_id, projections.of_policy(policy)):
        raise PolicyRefused(
            "",
            _(
                "The policies are not as the audit log says. An owner confirms them first, under "
                "Rows that differ."
            ),
        )


def _refuse_locking_oneself_out(scope: Scope, day: date | None) -> None:
    if day is None or day > clock.now().date() or scope.user_id is None:
        return
    if not session_policy.has_second_step(scope.user_id):
        raise PolicyRefused(
            "mfa_from",
            _("You have no second step yourself yet. Add one first, or choose a later day."),
        )


def _shown(policy: TeamPolicy) -> dict[str, JSON]:
    values = {name: getattr(policy, name) for name in _FIELDS}
    return values | {"mfa_from": policy.mfa_from.isoformat() if policy.mfa_from else None}


def _checked(fields: Mapping[str, Any]) -> dict[str, Any]:
    unknown = fields.keys() - set(_FIELDS)
    if unknown:
        raise TypeError(f"No policy: {sorted(unknown)}")
    checked = dict(fields)
    if "reason_kinds" in checked:
        checked["reason_kinds"] = _kinds(checked["reason_kinds"])
    if "reason_labels" in checked:
        checked["reason_labels"] = _labels(checked["reason_labels"])
    if "service_tokens" in checked:
        checked["service_tokens"] = bool(checked["service_tokens"])
    for name, allowed, words in (
        ("idle_minutes", IDLE_MINUTES, _("Write a number of minutes from %(least)d to %(most)d.")),
        ("session_hours", SESSION_HOURS, _("Write a number of hours from %(least)d to %(most)d.")),
    ):
        value = checked.get(name)
        if value is not None and value not in allowed:
            raise PolicyRefused(name, words % {"least": allowed[0], "most": allowed[-1]})
    return checked


def _kinds(kinds: Collection[str]) -> list[str]:
    if set(kinds) - set(KINDS):
        raise PolicyRefused("reason_kinds", _("Choose changes from the list."))
    return [kind for kind in KINDS if kind in kinds]


def _labels(labels: Collection[str]) -> list[str]:
    if len(set(labels)) > MOST_LABELS:
        raise PolicyRefused(
            "reason_labels", _("Name at most %(most)d labels.") % {"most": MOST_LABELS}
        )
    return sorted(set(labels))
