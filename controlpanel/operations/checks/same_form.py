"""A form that was sent before: the same receipt once more, or a form that must be sent again.

A form's id answers for its content too: whoever goes back, types another name and sends it again
means something else, and whoever sends the same an hour later may mean it once more.
"""

import hmac
from datetime import timedelta
from typing import Final

from django.utils.translation import gettext as _

from controlpanel.audit.log import read_only_state
from controlpanel.audit.log.recorder import AuditUnavailable
from controlpanel.keys import macs
from controlpanel.keys.ring import KeysNotReady
from controlpanel.lib import clock
from controlpanel.operations.models import Operation

# So long after asking the same content is taken for a second click, whatever came of the first.
SAME_CLICK: Final = timedelta(seconds=60)


def kept(content: str) -> str:
    """What is kept of a form's content: a keyed hash with its key's id. Empty for none.

    Raises AuditUnavailable without the key ring: then nothing could be recorded either."""
    try:
        return ":".join(macs.mac("fingerprint", _bytes(content))) if content else ""
    except KeysNotReady as error:
        read_only_state.close_for(error)
        raise AuditUnavailable(str(error)) from error


def is_repeat(operation: Operation, content: str) -> bool:
    """Whether this content, sent with the form that the operation came from, asks for nothing
    new. Without content, from a script, the form's id alone is asked."""
    if not content:
        return True
    is_recent = operation.is_open or clock.now() - operation.requested_at <= SAME_CLICK
    return is_recent and is_same(operation.form_content, content)


def sentence() -> str:
    return _(
        "This form was sent before, and its receipt says what came of that. If you want what it "
        "says now as well, send it once more."
    )


def is_same(known: str, content: str) -> bool:
    """`known`: written by `kept`."""
    if not known:  # asked for before contents were kept
        return True
    try:
        found = ":".join(macs.mac("fingerprint", _bytes(content), known.partition(":")[0]))
    except KeysNotReady:  # its key was retired since
        return False
    return hmac.compare_digest(found, known)


def _bytes(content: str) -> bytes:
    return b"form: " + content.encode("utf-8", "surrogatepass")
