import json

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.db import connection

from tests.web.profile.ways import (
    ADD_APP,
    LOGIN,
    TWO_STEP,
    add_app,
    code_for,
    events,
    factors,
    is_signed_in,
    sign_in,
)

REMOVE = f"{TWO_STEP}app/remove/"
CODE = f"{TWO_STEP}authenticate/"


def test_it_works(alice, nobody):
    secret = add_app(alice)
    assert sign_in(nobody, alice)["Location"] == CODE
    assert not is_signed_in(nobody)
    nobody.get(CODE)
    assert nobody.post(CODE, {"code": code_for(secret)})["Location"] == "/"
    assert is_signed_in(nobody)
    (event,) = events("authn_login_success", alice)
    assert event.data["methods"] == ["password", "totp"]


def test_the_page_shows_a_picture_that_the_policy_allows(alice):
    page = alice.get(ADD_APP).content.decode()
    assert "<svg" in page
    assert "data:image" not in page
    assert "<?xml" not in page


def test_recovery_codes_come_with_it_and_both_are_on_the_record(alice):
    add_app(alice)
    assert factors(alice) == ["recovery_codes", "totp"]
    methods = [event.data["method"] for event in events("authn_mfa_added", alice)]
    assert sorted(methods) == ["authenticator app", "recovery codes"]


@pytest.mark.django_db(transaction=True)
def test_it_is_told_by_mail(alice):
    add_app(alice)
    (message,) = mail.outbox
    assert message.to == ["alice@example.com"]
    assert "An authenticator app was added" in message.body


def test_the_secret_is_sealed(alice):
    secret = add_app(alice)
    with connection.cursor() as cursor:
        cursor.execute("SELECT data FROM mfa_authenticator")
        kept = [json.loads(row[0]) if isinstance(row[0], str) else row[0] for row in cursor]
    assert len(kept) == 2
    for data in kept:
        assert (data.get("secret") or data.get("seed")).startswith("v1.mfa-1.")
    assert secret not in json.dumps(kept)
    assert "mfa.totp.secret" not in alice.session


def test_a_wrong_code_changes_nothing(alice):
    alice.get(ADD_APP)
    answer = alice.post(ADD_APP, {"code": "000000x"})
    assert "That did not work" in answer.content.decode()
    assert factors(alice) == []


def test_a_wrong_code_lets_nobody_in_and_is_recorded(alice, nobody):
    add_app(alice)
    sign_in(nobody, alice)
    nobody.post(CODE, {"code": "12345x"})
    assert not is_signed_in(nobody)
    (event,) = events("authn_mfa_fail", alice)
    assert (event.result, event.data["method"]) == ("failure", "authenticator app")


def test_a_code_works_once(alice, nobody, client):
    secret = add_app(alice)
    code = code_for(secret)
    for browser in (nobody, client):
        sign_in(browser, alice)
        browser.post(CODE, {"code": code})
    assert is_signed_in(nobody)
    assert not is_signed_in(client)


def test_removing_it_takes_the_recovery_codes_along(alice):
    add_app(alice)
    assert "Remove the app" in alice.get(REMOVE).content.decode()
    assert alice.post(REMOVE).status_code == 302
    assert factors(alice) == []
    assert len(events("authn_mfa_removed", alice)) == 2


def test_without_a_record_nothing_is_added(alice, audit_broken):
    alice.get(ADD_APP)
    secret = alice.session["mfa.totp.secret"]
    assert alice.post(ADD_APP, {"code": code_for(secret)}).status_code == 503
    assert factors(alice) == []


def test_without_a_record_nothing_is_removed(alice, request):
    add_app(alice)
    request.getfixturevalue("audit_broken")
    assert alice.post(REMOVE).status_code == 503
    assert factors(alice) == ["recovery_codes", "totp"]


def test_a_value_that_was_never_sealed_opens_nothing(alice, nobody):
    secret = add_app(alice)
    app = Authenticator.objects.get(type="totp")
    app.data = {"secret": secret}
    app.save()
    sign_in(nobody, alice)
    nobody.raise_request_exception = False
    assert nobody.post(CODE, {"code": code_for(secret)}).status_code == 500
    assert not is_signed_in(nobody)


def test_cancelling_the_second_step_leads_back(alice, nobody):
    add_app(alice)
    sign_in(nobody, alice)
    assert "One more step" in nobody.get(CODE).content.decode()
    assert nobody.post("/accounts/logout/", {"next": LOGIN})["Location"] == LOGIN
    assert nobody.get(CODE)["Location"] == LOGIN
