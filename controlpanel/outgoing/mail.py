"""Mail as a channel: a message becomes text for the queue, and is handed to the mail server.

Everything that Django sends comes by `EmailBackend` here (EMAIL_BACKEND); how it leaves the
machine is PANEL_MAIL_TRANSPORT, a backend of Django's kind that only workers use.
"""

import base64
import json
import smtplib
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.mime.base import MIMEBase
from email.utils import formatdate, make_msgid, parseaddr
from typing import Any, Final

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from controlpanel.lib import clock
from controlpanel.outgoing import queue
from controlpanel.outgoing.channels import Channel, Refused, Unreachable

NAME: Final = "mail"
_FIELDS: Final = ("subject", "body", "from_email", "to", "cc", "bcc", "reply_to")


class EmailBackend(BaseEmailBackend):
    """Queues. A message may say in an attribute `expires_at` until when it is worth sending."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            put(message, getattr(message, "expires_at", None))
        return len(email_messages)


def put(message: EmailMessage, expires_at: datetime | None = None) -> None:
    """Raises ValueError or TypeError for a message that cannot be queued, else as `queue.put`."""
    queue.put(NAME, as_text(message), expires_at)


def as_text(message: EmailMessage) -> str:
    """With Date and Message-ID as of now: sent twice by mistake it is the same message."""
    headers = {
        "Message-ID": make_msgid(domain=_domain(message)),
        "Date": formatdate(clock.now().timestamp()),
        **message.extra_headers,
    }
    content = {name: _plain(getattr(message, name)) for name in _FIELDS}
    content["headers"] = {name: str(value) for name, value in headers.items()}
    content["alternatives"] = [
        [str(text), kind] for text, kind in getattr(message, "alternatives", [])
    ]
    content["attachments"] = [_packed(attachment) for attachment in message.attachments]
    text = json.dumps(content)
    from_text(text).message()  # what makes no mail, such as a header of two lines, ends here
    return text


def from_text(text: str) -> EmailMultiAlternatives:
    content: Mapping[str, Any] = json.loads(text)
    message = EmailMultiAlternatives(
        headers=dict(content["headers"]), **{name: content[name] for name in _FIELDS}
    )
    for alternative, kind in content["alternatives"]:
        message.attach_alternative(alternative, kind)
    for name, kind, data, is_text in content["attachments"]:
        raw = base64.b64decode(data)
        message.attach(name, raw.decode() if is_text else raw, kind)
    return message


def deliver(text: str) -> None:
    hand_over(from_text(text))


def hand_over(message: EmailMessage) -> None:
    """To the mail server, at once: only workers may wait for it, outside transactions. Raises
    Refused or Unreachable."""
    try:
        get_connection(settings.PANEL_MAIL_TRANSPORT).send_messages([message])
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _words in error.recipients.values()]
        raise Refused("recipient", for_good=all(code >= 500 for code in codes)) from None
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
        code = "sender" if isinstance(error, smtplib.SMTPSenderRefused) else "content"
        raise Refused(code, for_good=error.smtp_code >= 500) from None
    except (OSError, smtplib.SMTPException) as error:
        # Without the error itself: it may hold the message.
        raise Unreachable(type(error).__name__) from None


def _domain(message: EmailMessage) -> str:
    """Not this machine's name, for which Django asks a name server."""
    return parseaddr(str(message.from_email))[1].rpartition("@")[2] or "localhost"


def _plain(value: Any) -> Any:
    return [str(one) for one in value] if isinstance(value, list | tuple) else str(value)


def _packed(attachment: Any) -> list[Any]:
    if isinstance(attachment, MIMEBase):
        raise TypeError("A queued mail takes attachments as name, content and type.")
    name, content, kind = attachment
    raw = content.encode() if isinstance(content, str) else bytes(content)
    return [name, kind, base64.b64encode(raw).decode(), isinstance(content, str)]


CHANNEL: Final = Channel(NAME, deliver)
