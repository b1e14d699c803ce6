"""What the tests of a person's own pages do all the time."""

import json
import re
import time
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY, format_hotp_value, hotp_value
from django.test import Client

from controlpanel.audit.models import AuditEvent
from tests.people import PASSWORD, Person
from tests.tools.passkey import Passkey

LOGIN = "/accounts/login/"
TWO_STEP = "/accounts/two-step/"
ADD_APP = f"{TWO_STEP}app/add/"
ADD_PASSKEY = f"{TWO_STEP}passkeys/add/"
PASSKEY_SIGN_IN = f"{TWO_STEP}passkeys/sign-in/"
ORIGIN = "http://localhost:8000"


def events(name: str, person: Person) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(event=name, chain=person.team.chain).order_by("seq"))


def sign_in(browser: Client, person: Person, password: str = PASSWORD, **headers: str) -> Any:
    given = {"login": person.user.email, "password": password}
    return browser.post(LOGIN, given, headers=headers)


def is_signed_in(browser: Client) -> bool:
    return browser.get("/account/settings/").status_code == 200


def code_for(secret: str) -> str:
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))


def add_app(person: Person) -> str:
    """The secret of the app."""
    person.get(ADD_APP)
    secret = person.session[SECRET_SESSION_KEY]
    answer = person.post(ADD_APP, {"code": code_for(secret)})
    assert answer.status_code == 302, answer.content.decode()
    return str(secret)


def options(answer: Any) -> Any:
    """What the page hands to the browser."""
    found = re.search(
        r'<script id="passkey-options" type="application/json">(.*?)</script>',
        answer.content.decode(),
    )
    assert found
    return json.loads(found[1])


def add_passkey(person: Person, *, alone: bool = True, **more: Any) -> Passkey:
    passkey = Passkey(ORIGIN, **more)
    asked = options(person.get(ADD_PASSKEY))
    given = {"name": "Phone", "credential": json.dumps(passkey.create(asked))}
    answer = person.post(ADD_PASSKEY, given | ({"passwordless": "on"} if alone else {}))
    assert answer.status_code == 302, answer.content.decode()
    return passkey


def sign_in_with(browser: Client, passkey: Passkey, **more: str) -> Any:
    asked = browser.get(PASSKEY_SIGN_IN, headers={"Accept": "application/json"}).json()
    answer = passkey.get(asked["request_options"])
    return browser.post(PASSKEY_SIGN_IN, {"credential": json.dumps(answer), **more})


def factors(person: Person) -> list[str]:
    found = Authenticator.objects.filter(user=person.user).order_by("type")
    return [one.type for one in found]
