"""The mail that carries an invitation's link. It stands nowhere else."""

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.urls import reverse

from controlpanel.accounts import roles_lookup
from controlpanel.accounts.models import Invitation
from controlpanel.lib.secret import Secret


def queue(invitation: Invitation, token: Secret) -> None:
    """In the transaction that makes the invitation."""
    path = reverse("invitation", args=[token.reveal()])
    words = {
        "team": invitation.team.name,
        "who": invitation.invited_by_name,
        "role": roles_lookup.label(invitation.team_id, invitation.role),
        "expires_at": invitation.expires_at,
        "url": f"{settings.PANEL_PUBLIC_URL}{path}",
    }
    message = get_adapter().render_mail("team/mail/invitation", invitation.email, words)
    message.expires_at = invitation.expires_at
    message.send()
