import json

import hypothesis
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client
from hypothesis import HealthCheck, given, strategies

from tests.tools.breaking import broken_audit
from tests.tools.passkey import Passkey
from tests.web.profile.ways import (
    ADD_PASSKEY,
    ORIGIN,
    PASSKEY_SIGN_IN,
    TWO_STEP,
    add_passkey,
    events,
    factors,
    is_signed_in,
    options,
    sign_in,
    sign_in_with,
)

# A number would be taken for how many bytes to make.
HUGE = (
    '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": 99999999999}}'
)
RUBBISH = (HUGE, "", "null", "{}", "[1]", '"x"', '{"id": 1}', '{"response": {"userHandle": "AA"}}')
LIST = f"{TWO_STEP}passkeys/"
CODE = f"{TWO_STEP}authenticate/"


def test_it_is_the_only_sign_in(alice, nobody):
    passkey = add_passkey(alice)
    assert sign_in_with(nobody, passkey)["Location"] == "/"
    assert is_signed_in(nobody)
    (event,) = events("authn_login_success", alice)
    assert event.data["methods"] == ["webauthn"]


def test_it_goes_on_to_where_the_person_wanted(alice, nobody):
    passkey = add_passkey(alice)
    answer = sign_in_with(nobody, passkey, next="/teams/acme/audit/")
    assert answer["Location"] == "/teams/acme/audit/"


def test_it_is_the_step_after_the_password(alice, nobody):
    passkey = add_passkey(alice, alone=False, verifies=False)
    assert sign_in(nobody, alice)["Location"] == CODE
    answer = passkey.get(options(nobody.get(CODE)))
    nobody.post(CODE, {"credential": json.dumps(answer)})
    assert is_signed_in(nobody)


def test_one_that_asks_for_no_finger_does_not_stand_alone(alice, nobody):
    passkey = add_passkey(alice, alone=False, verifies=False)
    sign_in_with(nobody, passkey)
    assert not is_signed_in(nobody)


def test_one_that_asks_for_no_finger_cannot_be_added_to_stand_alone(alice):
    passkey = Passkey(ORIGIN, verifies=False)
    asked = options(alice.get(ADD_PASSKEY))
    sent = {"credential": json.dumps(passkey.create(asked)), "passwordless": "on"}
    assert alice.post(ADD_PASSKEY, sent).status_code == 200
    assert factors(alice) == []


def test_one_made_for_another_place_is_refused(alice):
    asked = options(alice.get(ADD_PASSKEY))
    stolen = Passkey("https://panel.example.net").create(asked)
    answer = alice.post(ADD_PASSKEY, {"credential": json.dumps(stolen)})
    assert "That did not work" in answer.content.decode()
    assert factors(alice) == []


def test_an_answer_works_once(alice, nobody, client):
    passkey = add_passkey(alice)
    asked = nobody.get(PASSKEY_SIGN_IN, headers={"Accept": "application/json"}).json()
    answer = json.dumps(passkey.get(asked["request_options"]))
    client.get(PASSKEY_SIGN_IN, headers={"Accept": "application/json"})
    for browser in (nobody, client):
        browser.post(PASSKEY_SIGN_IN, {"credential": answer})
    assert is_signed_in(nobody)
    assert not is_signed_in(client)


def test_rubbish_is_refused(alice, nobody):
    for rubbish in RUBBISH:
        answer = nobody.post(PASSKEY_SIGN_IN, {"credential": rubbish})
        assert answer.status_code in {302, 429}
        assert alice.post(ADD_PASSKEY, {"credential": rubbish}).status_code == 200
    assert not is_signed_in(nobody)
    assert factors(alice) == []


@given(data=strategies.data())
@hypothesis.settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_damaged_answers_are_refused(alice, data):
    cache.clear()
    nobody = Client()
    if "webauthn" not in factors(alice):
        alice.passkey = add_passkey(alice)
    asked = nobody.get(PASSKEY_SIGN_IN, headers={"Accept": "application/json"}).json()
    answer = alice.passkey.get(asked["request_options"])
    name = data.draw(strategies.sampled_from(["rawId", "response", *answer["response"]]))
    place = answer["response"] if name in answer["response"] else answer
    anything = strategies.none() | strategies.integers() | strategies.text(max_size=40)
    place[name] = data.draw(anything | strategies.lists(anything, max_size=2) | strategies.just({}))
    assert nobody.post(PASSKEY_SIGN_IN, {"credential": json.dumps(answer)}).status_code == 302
    assert not is_signed_in(nobody)


def test_a_passkey_of_somebody_deactivated_stays_out(alice, nobody):
    passkey = add_passkey(alice)
    alice.user.is_active = False
    alice.user.save()
    sign_in_with(nobody, passkey)
    assert not is_signed_in(nobody)


def test_it_has_a_name_and_can_get_another(alice):
    add_passkey(alice)
    (one,) = Authenticator.objects.filter(type="webauthn")
    assert "Phone" in alice.get(LIST).content.decode()
    alice.post(f"{LIST}{one.pk}/rename/", {"name": "Blue <key>"})
    assert "Blue &lt;key&gt;" in alice.get(LIST).content.decode()
    (event,) = events("authn_mfa_renamed", alice)
    assert event.data == {"before": "Phone", "after": "Blue <key>"}
    alice.post(f"{LIST}{one.pk}/rename/", {"name": "Blue <key>"})
    assert len(events("authn_mfa_renamed", alice)) == 1


def test_without_a_record_it_keeps_its_name(alice):
    add_passkey(alice)
    (one,) = Authenticator.objects.filter(type="webauthn")
    with broken_audit():
        assert alice.post(f"{LIST}{one.pk}/rename/", {"name": "Other"}).status_code == 503
    one.refresh_from_db()
    assert str(one) == "Phone"


def test_removing_it(alice, nobody):
    passkey = add_passkey(alice)
    (one,) = Authenticator.objects.filter(type="webauthn")
    assert "Phone" in alice.get(f"{LIST}{one.pk}/remove/").content.decode()
    alice.post(f"{LIST}{one.pk}/remove/")
    assert factors(alice) == []
    sign_in_with(nobody, passkey)
    assert not is_signed_in(nobody)
    methods = [event.data["method"] for event in events("authn_mfa_removed", alice)]
    assert sorted(methods) == ["passkey", "recovery codes"]


def test_nobody_touches_somebody_elses(alice, adam):
    add_passkey(alice)
    (one,) = Authenticator.objects.filter(type="webauthn")
    for way in ("rename", "remove"):
        assert adam.get(f"{LIST}{one.pk}/{way}/").status_code == 404
        assert adam.post(f"{LIST}{one.pk}/{way}/", {"name": "x"}).status_code == 404
    assert "webauthn" in factors(alice)


def test_it_shows_that_it_is_you(alice):
    passkey = add_passkey(alice)
    alice.signed_in_ago(minutes=16)
    address = f"{LIST}reauthenticate/?next=/account/settings/"
    answer = passkey.get(options(alice.get(address)))
    done = alice.post(address, {"credential": json.dumps(answer), "next": "/account/settings/"})
    assert done["Location"] == "/account/settings/"
    assert alice.get(ADD_PASSKEY).status_code == 200
    (event,) = events("authn_reauth_success", alice)
    assert event.data["method"] == "webauthn"


def test_without_a_record_nothing_is_added(alice, audit_broken):
    asked = options(alice.get(ADD_PASSKEY))
    sent = {"credential": json.dumps(Passkey(ORIGIN).create(asked))}
    assert alice.post(ADD_PASSKEY, sent).status_code == 503
    assert factors(alice) == []


def test_nobody_signs_up_with_one(nobody, db):
    assert nobody.get("/accounts/signup/passkey/").status_code == 404
