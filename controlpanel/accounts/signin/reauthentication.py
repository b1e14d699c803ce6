"""How long ago somebody showed that it is them: the sign-in counts, and each time they were asked
again. allauth keeps the list of both in the session."""

import time

from allauth.account.authentication import get_authentication_records
from allauth.account.decorators import reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.http import HttpRequest


def signed_in_recently(request: HttpRequest) -> bool:
    records = get_authentication_records(request, request.user)
    if not records:
        return False
    age = time.time() - float(records[-1]["at"])
    return age < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def must_ask_again(request: HttpRequest) -> bool:
    """allauth's answer; our adapter tells it that a fresh sign-in counts as well."""
    try:
        _fresh(request)
    except ReauthenticationRequired:
        return True
    return False


@reauthentication_required  # type: ignore[untyped-decorator]  # allauth ships no types
def _fresh(request: HttpRequest) -> None:
    """Raises ReauthenticationRequired."""
