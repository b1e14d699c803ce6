"""allauth's forms that take an e-mail address, which fold its letters too freely for us."""

from typing import Any

from allauth.account.forms import AddEmailForm, LoginForm, ResetPasswordForm
from allauth.account.models import EmailAddress
from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Q
from django.utils.translation import gettext as _

from controlpanel.accounts import limits
from controlpanel.lib.email_address import folded, is_comparable


def not_ascii() -> str:
    return _(
        "Enter an address of plain letters, digits and signs. A domain with other letters has a "
        "form that begins with xn--."
    )


def _typed(form: forms.Form, name: str) -> str:
    """Before allauth makes lower case of it, which turns the Kelvin sign into a k."""
    return str(form.data.get(form.add_prefix(name), "")).strip()


class SignInForm(LoginForm):  # type: ignore[misc]  # allauth ships no types
    def clean_login(self) -> str:
        typed = _typed(self, "login")
        return folded(typed) or typed


class AskResetForm(ResetPasswordForm):  # type: ignore[misc]
    users: list[AbstractBaseUser]

    def clean_email(self) -> str:
        """A link goes to a confirmed address only: one that waits to be confirmed may be a
        stranger's."""
        email: str = super().clean_email()
        if not is_comparable(_typed(self, "email")):
            self.users = []
        theirs = EmailAddress.objects.filter(email=email, user__in=self.users)
        sure = theirs.filter(Q(verified=True) | Q(primary=True))
        owners = set(sure.values_list("user_id", flat=True))
        self.users = [user for user in self.users if user.pk in owners]
        return email


class ChangeEmailForm(AddEmailForm):  # type: ignore[misc]
    def clean_email(self) -> Any:
        if not folded(_typed(self, "email")):
            raise forms.ValidationError(not_ascii())
        email = super().clean_email()
        try:
            limits.check(limits.MAILS_OF_ADDRESS, email)
        except limits.Exceeded as over:
            words = {"most": over.rule.most, "time": over.time}
            raise forms.ValidationError(
                _(
                    "%(most)d mails were sent to this address within an hour. It can get the next "
                    "one after %(time)s."
                )
                % words
            ) from None
        return email
