"""What a door hands in when it asks for a change, and what it hears when nothing was asked for."""

from dataclasses import dataclass, field

from controlpanel.operations.models import Operation


class Refused(Exception):
    """Nothing was asked for and nothing was sent; the message is a sentence for the person.

    `operation`: receipt that stands in the way, where there is one. `field`: where the person
    can mend it, where it is one that they fill in. `code`: for programs.
    """

    def __init__(
        self,
        sentence: str,
        operation: Operation | None = None,
        *,
        field: str = "",
        code: str = "conflict",
    ) -> None:
        super().__init__(sentence)
        self.operation = operation
        self.field = field
        self.code = code


class SentBefore(Refused):
    """With this form something else was asked for, or the same a while ago: `operation`."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a door hands in beside the change itself.

    `content`: all that the form holds, for which its id answers; of this a keyed hash is kept.
    `by_status`: refuse what makes no sense in the status that the mirror shows, or after what
    VPS.org has accepted; a script asks VPS.org itself.
    """

    form_id: str
    reason: str = ""
    by_status: bool = True
    content: str = field(default="", repr=False)
