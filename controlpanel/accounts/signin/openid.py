"""Signing in with an OpenID Connect provider: allauth's own, with every check of a token made.

Only people who exist already come in by it. The first time, the verified e-mail address finds the
person; from then on the provider's own name for them (`sub`) does.
"""

import hashlib
import time
from typing import Any, Final

import jwt
import requests
from allauth.account.internal.flows.login import record_authentication
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, get_adapter
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers

from controlpanel.accounts.models import User
from controlpanel.accounts.signin.person_events import record_if_possible, record_own
from controlpanel.audit.log import read_only
from controlpanel.lib.email_address import folded
from controlpanel.lib.openid_settings import OpenID, is_safe
from controlpanel.lib.text import clean

# A provider may name others; what is signed with the shared secret or not at all is no proof.
_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384")
_SKEW_SECONDS: Final = 60
_FRESH_SECONDS: Final = 5 * 60  # the time to type a password and a code there
_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
# Whatever a provider that is down or says nonsense brings up in allauth or the libraries below.
UNUSABLE: Final = (
    OAuth2Error,
    requests.RequestException,
    jwt.PyJWTError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    ImproperlyConfigured,  # a `sub` longer than the standard allows
)


def configured() -> OpenID | None:
    found: OpenID | None = settings.PANEL_OIDC
    return found


def link_of(user: User) -> SocialAccount | None:
    """What this person is known as at the configured provider."""
    openid = configured()
    if openid is None:
        return None
    return SocialAccount.objects.filter(user=user, provider=_id(openid)).first()


def _id(openid: OpenID) -> str:
    """A `sub` means something within its issuer only."""
    return f"openid-{hashlib.sha256(openid.issuer.encode()).hexdigest()[:24]}"


def _nonce(verifier: str) -> str:
    """Bound to this browser's session through the PKCE verifier, which stays there."""
    return hashlib.sha256(f"nonce.{verifier}".encode()).hexdigest()


class Adapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # allauth ships no types
    _nonce = ""

    @property
    def openid_config(self) -> dict[str, Any]:
        """Raises one of UNUSABLE."""
        if not hasattr(self, "_checked_config"):
            self._checked_config = self._fetch_config()
        return self._checked_config

    def _fetch_config(self) -> dict[str, Any]:
        config = self._fetch(self.get_provider().server_url)
        openid = configured()
        if openid is None or config["issuer"] != openid.issuer:
            raise OAuth2Error("The provider names another issuer")
        asked = [*_ENDPOINTS, *(["userinfo_endpoint"] if "userinfo_endpoint" in config else [])]
        if not all(is_safe(config[name]) for name in asked):
            raise OAuth2Error("The provider names an address that is not https")
        return config

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:  # noqa: ARG002
        return f"{settings.PANEL_PUBLIC_URL}{reverse('openid-callback')}"

    def get_access_token_data(
        self, request: HttpRequest, app: SocialApp, client: Any, pkce_code_verifier: str = ""
    ) -> Any:
        self._nonce = _nonce(pkce_code_verifier)
        return super().get_access_token_data(
            request, app, client, pkce_code_verifier=pkce_code_verifier
        )

    def complete_login(
        self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any
    ) -> SocialLogin:
        """Raises one of UNUSABLE."""
        claims = self._claims(app, kwargs["response"]["id_token"])
        person = claims
        if "email" not in claims and "userinfo_endpoint" in self.openid_config:
            person = self._fetch(
                self.profile_url, headers={"Authorization": f"Bearer {token.token}"}
            )
            if person.get("sub") != claims["sub"]:
                raise OAuth2Error("The provider speaks of somebody else")
        login = self.get_provider().sociallogin_from_response(request, {"id_token": person})
        login.authenticated_at = claims.get("auth_time")
        # allauth makes lower case of the others, which turns a Kelvin sign into a k.
        login.address_as_told = str(person.get("email"))
        return login

    def _claims(self, app: SocialApp, id_token: str) -> dict[str, Any]:
        kid = jwt.get_unverified_header(id_token).get("kid")
        keys = jwt.PyJWKSet.from_dict(self._fetch(self.openid_config["jwks_uri"])).keys
        key = next((key for key in keys if kid is None or key.key_id == kid), None)
        if key is None:
            raise OAuth2Error("Signed with a key that the provider does not show")
        claims: dict[str, Any] = jwt.decode(
            id_token,
            key,
            algorithms=_ALGORITHMS,
            audience=app.client_id,
            issuer=self.openid_config["issuer"],
            leeway=_SKEW_SECONDS,
            options={"require": ["iss", "aud", "sub", "exp", "iat"]},
        )
        if claims.get("azp", app.client_id) != app.client_id:
            raise OAuth2Error("Made for another client")
        if claims.get("nonce") != self._nonce:
            raise OAuth2Error("Made for another sign-in")
        return claims

    def _fetch(self, url: str, **kwargs: Any) -> dict[str, Any]:
        with get_adapter().get_requests_session() as session:
            response = session.get(url, **kwargs)
            response.raise_for_status()
            answer: dict[str, Any] = response.json()
        if not isinstance(answer, dict):
            raise OAuth2Error("The provider answered something else")
        return answer


class Provider(OpenIDConnectProvider):  # type: ignore[misc]  # allauth ships no types
    oauth2_adapter_class = Adapter
    pkce_enabled_default = True

    def get_pkce_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_pkce_params()
        return params | {"nonce": _nonce(params["code_verifier"])}

    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        """The address of the page says where to go on, and nothing about scope or process."""
        kwargs: dict[str, Any] = super().get_redirect_from_request_kwargs(request)
        asked = {"process": "login", "scope": self.get_scope(), "auth_params": {}}
        if request.user.is_authenticated:
            # "Is it you?": allauth goes on to the page after our check, and signs nobody in.
            asked["process"] = "redirect"
            asked["data"] = {"again": str(request.user.pk)}
            asked["auth_params"] = {"prompt": "login", "max_age": "0"}
        return {name: kwargs[name] for name in ("next_url",) if name in kwargs} | asked

    def get_callback_url(self) -> str:
        return reverse("openid-callback")

    def extract_extra_data(self, data: dict[str, Any]) -> dict[str, Any]:
        """Nothing else of what the provider tells is kept."""
        return {"email": clean(str(data["id_token"].get("email") or ""), 254)}

    def extract_common_fields(self, data: dict[str, Any]) -> dict[str, Any]:
        """Names and pictures are the panel's own; only the address counts, as text."""
        email = data["id_token"].get("email")
        return {"email": email if isinstance(email, str) else None}

    def extract_email_addresses(self, data: dict[str, Any]) -> list[EmailAddress]:
        person = data["id_token"]
        email, verified = person.get("email"), person.get("email_verified") is True
        if not isinstance(email, str):
            return []
        return [EmailAddress(email=email, verified=verified, primary=True)]


class OpenIDAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    def list_apps(
        self,
        request: HttpRequest,  # noqa: ARG002
        provider: str | None = None,
        client_id: str | None = None,
    ) -> list[SocialApp]:
        """From the settings alone: a row in the database lets nobody in."""
        openid = configured()
        if openid is None or provider not in {None, _id(openid), Provider.id}:
            return []
        if client_id not in {None, openid.client_id}:
            return []
        return [
            SocialApp(
                provider=Provider.id,
                provider_id=_id(openid),
                name=openid.name,
                client_id=openid.client_id,
                secret=openid.client_secret.reveal(),
                settings={"server_url": openid.issuer.rstrip("/")},
            )
        ]

    def get_provider(
        self, request: HttpRequest, provider: str, client_id: str | None = None
    ) -> Provider:
        """Raises SocialApp.DoesNotExist while it is switched off."""
        return Provider(request, app=self.get_app(request, provider, client_id))

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:  # noqa: ARG002
        return False

    def get_requests_session(self) -> requests.Session:
        """Straight to the provider: no proxy or netrc of the environment, no redirect."""
        session: requests.Session = super().get_requests_session()
        session.trust_env = False
        session.max_redirects = 0
        return session

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Provider,  # noqa: ARG002
        **_kwargs: Any,
    ) -> None:
        raise ImmediateHttpResponse(trouble(request, "failed"))

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """`sociallogin` has been looked up by `sub`."""
        again = (sociallogin.state.get("data") or {}).get("again")
        if again:
            _ask_again(request, sociallogin, again)
            return
        if not sociallogin.is_existing:
            _link(request, sociallogin)
        if not sociallogin.user.is_active:
            _fail(request, sociallogin.user)
            raise ImmediateHttpResponse(redirect("account_inactive"))


def trouble(request: HttpRequest, reason: str) -> HttpResponse:
    """`reason`: failed, unknown, unverified, other or again."""
    openid = configured()
    if reason == "failed":
        _fail(request, None)
    context = {"reason": reason, "name": openid.name if openid else ""}
    # Not 401: that answer has to name a scheme. Not 5xx: a toast or a proxy would swallow it.
    response = render(request, "account/openid_trouble.html", context, status=403)
    add_never_cache_headers(response)
    return response


def _link(request: HttpRequest, login: SocialLogin) -> None:
    verified = [one.email for one in login.email_addresses if one.verified]
    if not verified:
        tried = [one.email for one in login.email_addresses]
        _fail(request, None, *tried)
        raise ImmediateHttpResponse(trouble(request, "unverified"))
    known = _known(login.address_as_told)
    if known is None:
        _fail(request, None, verified[0])
        raise ImmediateHttpResponse(trouble(request, "unknown"))
    if not known.user.is_active:
        login.user = known.user
        return
    if read_only.closed():  # it comes back by a GET, which nothing else holds up
        raise ImmediateHttpResponse(trouble(request, "failed"))
    try:
        _connect(request, login, known.user_id)
    except IntegrityError:  # two tabs at once
        raise ImmediateHttpResponse(trouble(request, "failed")) from None


def _known(address: str) -> EmailAddress | None:
    """Stored in lower case; an address with other than ASCII characters is nobody's here."""
    name = folded(address)
    return EmailAddress.objects.filter(email=name, verified=True).first() if name else None


def _connect(request: HttpRequest, login: SocialLogin, user_id: Any) -> None:
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user_id)
        taken = SocialAccount.objects.filter(user=user, provider=login.account.provider).exists()
        if not taken:
            login.connect(request, user)
            record_own("authn_openid_linked", request, user, data={"name": _name()})
    if taken:
        _fail(request, user)
        raise ImmediateHttpResponse(trouble(request, "other"))


def _ask_again(request: HttpRequest, login: SocialLogin, again: str) -> None:
    """Freshly shown to be them at the provider, or nothing at all."""
    user = request.user
    at = login.authenticated_at
    is_same = login.is_existing and str(login.user.pk) == again == str(user.pk)
    is_fresh = isinstance(at, int) and abs(time.time() - at) < _FRESH_SECONDS
    if not (is_same and is_fresh and login.user.is_active):
        _fail(request, user if isinstance(user, User) else None)
        raise ImmediateHttpResponse(trouble(request, "again"))
    record_authentication(
        request, user, "openid", reauthenticated=True, provider=login.account.provider
    )


def unlink(request: HttpRequest, user: User) -> None:
    link = link_of(user)
    if link is None:
        return
    with transaction.atomic():
        link.delete()
        get_adapter().send_notification_mail("socialaccount/email/account_disconnected", user)
        record_own("authn_openid_unlinked", request, user, data={"name": _name()})


def _fail(request: HttpRequest, user: User | None, *tried: str) -> None:
    given = clean((*tried, _name())[0], 254)
    record_if_possible("authn_login_fail", request, user, "failure", tried=given)


def _name() -> str:
    openid = configured()
    return openid.name if openid else ""
