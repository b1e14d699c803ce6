"""What allauth has no adapter method for, put on the record.

Of second factors it is the rows that speak: allauth's own signal for an authenticator app comes
after the commit, when it would be too late to refuse what cannot be recorded.
"""

from typing import Any, Final

from allauth.account import signals as account
from allauth.core import context
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models.signals import post_delete, post_save, pre_save
from django.dispatch import receiver
from django.http import HttpRequest

from controlpanel.accounts.models import User
from controlpanel.accounts.signin.person_events import record_if_possible, record_own
from controlpanel.lib.text import clean

_WORDS: Final = {
    "totp": "authenticator app",
    "webauthn": "passkey",
    "recovery_codes": "recovery codes",
}


@receiver(post_save, sender=Authenticator)
def added(instance: Authenticator, created: bool, **_kwargs: Any) -> None:
    if created:
        _record("authn_mfa_added", instance)


@receiver(pre_save, sender=Authenticator)
def renamed(instance: Authenticator, update_fields: Any = None, **_kwargs: Any) -> None:
    """All that anybody changes about a passkey."""
    if instance.pk is None or instance.type != Authenticator.Type.WEBAUTHN or update_fields:
        return
    before = str(Authenticator.objects.get(pk=instance.pk))
    if before != str(instance) and context.request is not None:
        with transaction.atomic():
            data = {"before": clean(before, 100), "after": clean(str(instance), 100)}
            record_own("authn_mfa_renamed", context.request, instance.user, data=data)


@receiver(post_delete, sender=Authenticator)
def removed(instance: Authenticator, **_kwargs: Any) -> None:
    _record("authn_mfa_removed", instance)


@receiver(mfa.authentication_failed)
def failed(request: HttpRequest, user: User, authenticator: Authenticator, **_kwargs: Any) -> None:
    data = {"method": _WORDS[authenticator.type]}
    record_if_possible("authn_mfa_fail", request, user, "failure", data=data)


@receiver(mfa.authenticator_used)
def used(request: HttpRequest, user: User, authenticator: Authenticator, **_kwargs: Any) -> None:
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        record_if_possible("authn_recovery_code_used", request, user)


@receiver(account.authentication_step_completed)
def asked_again(request: HttpRequest, user: User, method: str, **kwargs: Any) -> None:
    if kwargs.get("reauthenticated"):
        data = {"method": str(kwargs.get("type") or method)}
        record_if_possible("authn_reauth_success", request, user, data=data)


@receiver(account.email_added)
def email_asked(request: HttpRequest, user: User, email_address: Any, **_kwargs: Any) -> None:
    with transaction.atomic():
        data = {"address": email_address.email}
        record_own("authn_email_asked", request, user, data=data)


@receiver(account.email_removed)
def email_kept(request: HttpRequest, user: User, email_address: Any, **_kwargs: Any) -> None:
    with transaction.atomic():
        data = {"address": email_address.email}
        record_own("authn_email_withdrawn", request, user, data=data)


def _record(event: str, authenticator: Authenticator) -> None:
    """Nothing outside a request: who removes a whole person records that."""
    request = context.request
    if request is None:
        return
    with transaction.atomic():
        data = {"method": _WORDS[authenticator.type]}
        record_own(event, request, authenticator.user, data=data)
