"""The link that a new e-mail address gets. Only the person whose sign-in it is can confirm it."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.views import ConfirmEmailView
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from controlpanel.accounts.signin.person_events import record_if_possible


class ConfirmEmail(ConfirmEmailView):  # type: ignore[misc]  # allauth ships no types
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        address = self._address()
        if address is None or address.primary or request.user == address.user:
            answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)
            return answer
        if not request.user.is_authenticated:
            messages.info(request, _("Sign in to confirm your new e-mail address."))
            return redirect_to_login(request.path)
        if request.method == "POST":
            data = {"address": address.email}
            record_if_possible("authn_email_refused", request, address.user, "denied", data=data)
        self.object = None
        context = self.get_context_data(is_another_person=True)
        return render(request, "account/email_confirm.html", context, status=403)

    def logout_other_user(self, confirmation: Any) -> None:
        """Not by following a link: whoever gets here is this person, or signed in as nobody."""

    def _address(self) -> EmailAddress | None:
        """None for a link that opens nothing. A primary address is no change: nobody can sign in
        before their only address is confirmed."""
        try:
            return self.get_object().email_address
        except Http404:
            return None


confirm_email = ConfirmEmail.as_view()
