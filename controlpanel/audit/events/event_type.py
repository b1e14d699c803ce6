"""What is known of one type of event, and short ways to write one down."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise

Words = str | Promise


@dataclass(frozen=True, slots=True)
class EventType:
    """`sentences` are found by "phase.result", "phase", "result" or "" in this order.

    `required` and `optional` name the fields of the event's data; others are refused.
    """

    name: str
    label: Words
    sentences: Mapping[str, Words]
    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()

    @property
    def sentence(self) -> Words:
        return next(iter(self.sentences.values()))

    def sentence_for(self, phase: str, result: str) -> Words:
        for key in (f"{phase}.{result}", phase, result):
            if key in self.sentences:
                return self.sentences[key]
        return self.sentences.get("", self.sentence)


def event_type(
    name: str,
    label: Words,
    sentence: Words | Mapping[str, Words],
    required: Iterable[str] = (),
    optional: Iterable[str] = (),
) -> EventType:
    sentences = sentence if isinstance(sentence, Mapping) else {"": sentence}
    return EventType(name, label, sentences, frozenset(required), frozenset(optional))


_OPERATION_REQUIRED = ("phase", "operation", "account")
_OPERATION_OPTIONAL = (
    "body",
    "before",
    "state",
    "provider_status",
    "provider_words",
    "code",
    "note",
    "sent_with",
    # What VPS.org had shown, where a person confirmed it from that.
    "seen",
)


def operation_type(name: str, label: Words, sentences: Mapping[str, Words]) -> EventType:
    return event_type(name, label, sentences, _OPERATION_REQUIRED, _OPERATION_OPTIONAL)
