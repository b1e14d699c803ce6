"""Naming where a team's checkpoints are sent: a web hook, a mail address, both or neither."""

from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from controlpanel.accounts import access
from controlpanel.accounts.models import Team
from controlpanel.audit.checkpoints import delivery
from controlpanel.audit.log.recorder import Target, record_by
from controlpanel.audit.models import Delivery
from controlpanel.keys import macs
from controlpanel.lib import webhook as webhooks
from controlpanel.lib.scope import Scope

MANAGES: Final = "policies.manage"


class DeliveryRefused(Exception):
    """Nothing was changed; the message is a sentence about this field."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


def change(scope: Scope, webhook: str, mail: str) -> bool:
    """Empty is off. False if nothing differs. Raises DeliveryRefused, Denied."""
    access.require(access.as_now(scope), MANAGES, "")
    wanted = {"webhook": webhook.strip(), "mail": mail.strip()}
    _refuse_hook(wanted["webhook"])
    _refuse_mail(wanted["mail"])
    chain = str(scope.team_id)
    with transaction.atomic():
        Team.objects.select_for_update().get(id=scope.team_id)
        now = {way: row.address for way, row in delivery.of(chain).items()}
        changed = [way for way in delivery.WAYS if now.get(way, "") != wanted[way]]
        if not changed:
            return False
        for way in changed:
            delivery.send_to(chain, scope.team_name, way, wanted[way])
        record_by(
            scope,
            "audit.delivery_changed",
            Target("team", chain, scope.team_name),
            before={way: shown(way, now.get(way, "")) for way in changed},
            after={way: shown(way, wanted[way]) for way in changed},
        )
    return True


def shown(way: str, address: str) -> str:
    """On record and to who may not set it: what follows the host may be meant for few."""
    if way == "mail" or not address:
        return address
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname} ({macs.fingerprint(address)})"


def to_host(row: Delivery) -> str:
    return row.address if row.way == "mail" else f"{urlsplit(row.address).hostname}"


def _refuse_hook(url: str) -> None:
    if not url:
        return
    sentences = {
        "address": _("Write a whole address, as https://audit.example.com/checkpoints."),
        "user": _(
            "Leave out user name and password. Whoever receives it checks the signature instead."
        ),
        "scheme": _("The address must begin with https://."),
        "private": _(
            "This leads into a private network, and the panel sends nothing there. Whoever runs "
            "it can allow that with PANEL_HOOK_PRIVATE."
        ),
    }
    found = webhooks.problem(url, private=settings.PANEL_HOOK_PRIVATE)
    if found:
        raise DeliveryRefused("webhook", sentences[found])


def _refuse_mail(address: str) -> None:
    if not address:
        return
    try:
        validate_email(address)
    except ValidationError:
        raise DeliveryRefused(
            "mail", _("Write one e-mail address, as audit@example.com.")
        ) from None
