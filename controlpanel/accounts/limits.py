"""How often something may be done, counted in the database: a cache forgets, or is gone.

Of each kind and subject one row keeps the times within the last hour or day. It is locked while it
is counted, in the transaction of what is done: what came to nothing does not count.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.formats import date_format

from controlpanel.lib import clock
from controlpanel.outgoing.models import Limit

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Rule:
    """At most `most` times within any `within`, for each subject."""

    name: str
    most: int
    within: timedelta


# `_OF_` names the subject.
INVITATIONS_OF_PERSON: Final = Rule("invitations of a person", 20, _HOUR)
INVITATIONS_OF_TEAM: Final = Rule("invitations of a team", 100, _DAY)
TEAMS_OF_PERSON: Final = Rule("teams founded by a person", 5, _DAY)
# What people here have sent to an address: the same for an address that has an account, so that
# nobody learns which do.
MAILS_OF_ADDRESS: Final = Rule("mails to an address", 3, _HOUR)
# What anybody can have sent, to addresses that no account has.
MAILS_OF_STRANGER: Final = Rule("mails to an address without an account", 3, _HOUR)
MAILS_OF_STRANGERS: Final = Rule("mails to addresses without an account", 30, _HOUR)


class Exceeded(Exception):
    """`again_at`: when it may be done next."""

    def __init__(self, rule: Rule, again_at: datetime) -> None:
        super().__init__(rule.name)
        self.rule, self.again_at = rule, again_at

    @property
    def time(self) -> str:
        """For a sentence: in the zone of whoever reads it, not before that minute is over."""
        local = timezone.localtime(self.again_at + timedelta(seconds=59))
        return f"{date_format(local, 'j F, H:i')} {local:%Z}"


def take(*wanted: tuple[Rule, str]) -> None:
    """Counts one for each rule and subject, or for none. Raises Exceeded."""
    now = clock.now()
    with transaction.atomic():
        for rule, subject in wanted:
            row, _made = Limit.objects.select_for_update().get_or_create(
                key=_key(rule, subject), defaults={"until": now + rule.within}
            )
            recent = _recent(row, rule, now)
            if len(recent) >= rule.most:
                raise Exceeded(rule, _again_at(recent, rule))
            row.times = [*recent, now.timestamp()]
            row.until = now + rule.within
            row.save(update_fields=["times", "until"])


def check(rule: Rule, subject: str) -> None:
    """Whether one more would be counted; it is not. Raises Exceeded."""
    row = Limit.objects.filter(key=_key(rule, subject)).first()
    recent = _recent(row, rule, clock.now()) if row else []
    if len(recent) >= rule.most:
        raise Exceeded(rule, _again_at(recent, rule))


def forget_old() -> None:
    """A row that is being counted again at this moment is kept by its lock, and by the minute."""
    Limit.objects.filter(until__lte=clock.now() - timedelta(minutes=1)).delete()


def _recent(row: Limit, rule: Rule, now: datetime) -> list[float]:
    since = (now - rule.within).timestamp()
    return [at for at in row.times if at > since][-rule.most :]


def _again_at(recent: list[float], rule: Rule) -> datetime:
    return datetime.fromtimestamp(recent[0], UTC) + rule.within


def _key(rule: Rule, subject: str) -> str:
    return salted_hmac("panel.limit", f"{rule.name} {subject}", algorithm="sha256").hexdigest()
