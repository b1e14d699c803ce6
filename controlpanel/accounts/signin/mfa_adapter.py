"""allauth's hooks for second factors: what is secret about them is sealed, names are ours."""

from typing import Final
from urllib.parse import urlsplit

import qrcode  # type: ignore[import-untyped]
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from qrcode.image.svg import SvgPathImage  # type: ignore[import-untyped]

from controlpanel.accounts.models import User
from controlpanel.keys import cipher

PURPOSE: Final = "mfa"
# allauth names no row when it seals, so a value is bound to its purpose only.
BINDING: Final[dict[str, str]] = {}


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    error_messages = DefaultMFAAdapter.error_messages | {
        "cannot_generate_recovery_codes": _l(
            "Recovery codes come with an authenticator app or a passkey. Add one of them first."
        ),
        "incorrect_code": _l("That did not work. Please try again."),
    }

    def encrypt(self, text: str) -> str:
        return cipher.seal(PURPOSE, text, BINDING)

    def decrypt(self, encrypted_text: str) -> str:
        """Raises cipher.Unreadable; a value that was never sealed is not passed on."""
        return cipher.open_sealed(PURPOSE, encrypted_text, BINDING).reveal()

    def build_totp_svg(self, url: str) -> str:
        """An element, not a document: it stands in the page itself."""
        code = qrcode.make(url, image_factory=SvgPathImage)
        return str(code.to_string(encoding="unicode"))

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:  # noqa: A002
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return _("Passkey") if number == 1 else _("Passkey %(number)d") % {"number": number}

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """A passkey is for the public address, whatever Host the request came with."""
        host = urlsplit(settings.PANEL_PUBLIC_URL).hostname or "localhost"
        return {"id": host, "name": settings.MFA_TOTP_ISSUER}
