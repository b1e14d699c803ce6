"""allauth's forms for passkeys, with our words, and firm against answers that no browser gives."""

import struct
from typing import Any, Final

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms
from django.utils.translation import gettext_lazy as _

_NAMES: Final = ("id", "rawId", "type")
_RESPONSE_NAMES: Final = (
    "clientDataJSON",
    "attestationObject",
    "authenticatorData",
    "signature",
    "userHandle",
)
# What the libraries let through when the content of a text is not what it should be.
_RUBBISH: Final = (AttributeError, LookupError, TypeError, ValueError, struct.error)


def texts_only(credential: Any) -> dict[str, Any]:
    """What a browser answers, and nothing else. fido2 makes bytes of whatever stands in a field:
    of a number, that many of them. Raises ValidationError."""
    response = credential.get("response") if isinstance(credential, dict) else None
    if not isinstance(response, dict):
        raise _refused()
    extensions = credential.get("clientExtensionResults")
    properties = extensions.get("credProps") if isinstance(extensions, dict) else None
    is_passkey = properties.get("rk") is True if isinstance(properties, dict) else False
    return {
        **_texts(credential, _NAMES),
        "response": _texts(response, _RESPONSE_NAMES),
        "clientExtensionResults": {"credProps": {"rk": is_passkey}},
    }


def _texts(given: dict[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    found = {name: given[name] for name in names if given.get(name) is not None}
    if not all(isinstance(value, str) for value in found.values()):
        raise _refused()
    return found


def _refused() -> forms.ValidationError:
    refused: forms.ValidationError = get_adapter().validation_error("incorrect_code")
    return refused


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]  # allauth ships no types
    name = forms.CharField(
        label=_("Name"),
        required=False,
        max_length=80,
        help_text=_("So that you tell it from your others, such as “Phone” or “Blue key”."),
    )
    passwordless = forms.BooleanField(
        label=_("It can be my only sign-in, without a password"),
        required=False,
        initial=True,
        help_text=_("It then asks for your finger, your face or its PIN, and needs no code."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order_fields(["name", "passwordless", "credential"])

    def clean_credential(self) -> dict[str, Any]:
        return texts_only(self.cleaned_data["credential"])

    def clean(self) -> dict[str, Any]:
        try:
            cleaned: dict[str, Any] = super().clean()
        except _RUBBISH:
            raise _refused() from None
        return cleaned


class _Answer(AuthenticateWebAuthnForm):  # type: ignore[misc]  # allauth ships no types
    def clean_credential(self) -> Authenticator:
        self.cleaned_data["credential"] = texts_only(self.cleaned_data["credential"])
        try:
            return super().clean_credential()
        except _RUBBISH:
            raise _refused() from None


class PasskeySignInForm(LoginWebAuthnForm, _Answer):  # type: ignore[misc]
    pass


class PasskeyStepForm(_Answer):
    pass


class PasskeyAgainForm(ReauthenticateWebAuthnForm, _Answer):  # type: ignore[misc]
    pass
