"""The mail that carries an invitation's link. It stands nowhere else."""

import smtplib

import structlog
from allauth.account.adapter import get_adapter
from django.conf import settings
from django.urls import reverse

from controlpanel.accounts import roles
from controlpanel.accounts.models import Invitation
from controlpanel.lib.secret import Secret

log = structlog.get_logger(__name__)


def send(invitation: Invitation, token: Secret) -> bool:
    """As text and as HTML. False when it could not be handed over. Never in a transaction."""
    path = reverse("invitation", args=[token.reveal()])
    words = {
        "team": invitation.team.name,
        "who": invitation.invited_by_name,
        "role": roles.label(invitation.team_id, invitation.role),
        "expires_at": invitation.expires_at,
        "url": f"{settings.PANEL_PUBLIC_URL}{path}",
    }
    message = get_adapter().render_mail("team/mail/invitation", invitation.email, words)
    try:
        message.send()
    except (OSError, smtplib.SMTPException) as error:
        log.warning("invitation.mail_not_sent", error=type(error).__name__)
        return False
    return True
