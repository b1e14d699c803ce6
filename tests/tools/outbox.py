from django.core import mail
from django.core.mail import EmailMultiAlternatives

from controlpanel.outgoing import sender


def delivered() -> list[EmailMultiAlternatives]:
    """All mail so far, after a worker has sent what waits."""
    sender.send_due()
    return [message for message in mail.outbox if isinstance(message, EmailMultiAlternatives)]
