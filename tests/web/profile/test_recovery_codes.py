from tests.web.profile.ways import TWO_STEP, add_app, events, is_signed_in, sign_in

CODES = f"{TWO_STEP}codes/"
NEW = f"{CODES}new/"
CODE = f"{TWO_STEP}authenticate/"


def shown(person):
    return person.get(CODES).context["unused_codes"]


def test_it_works(alice, nobody):
    add_app(alice)
    first, *others = shown(alice)
    assert len(others) == 9
    sign_in(nobody, alice)
    nobody.post(CODE, {"code": first})
    assert is_signed_in(nobody)
    assert shown(alice) == others
    assert len(events("authn_recovery_code_used", alice)) == 1


def test_one_works_once(alice, nobody, client):
    add_app(alice)
    first = shown(alice)[0]
    for browser in (nobody, client):
        sign_in(browser, alice)
        browser.post(CODE, {"code": first})
    assert not is_signed_in(client)


def test_new_ones_replace_the_old(alice):
    add_app(alice)
    before = shown(alice)
    assert "10 old ones" in alice.get(NEW).content.decode()
    alice.post(NEW)
    assert not set(before) & set(shown(alice))
    assert [event.data["method"] for event in events("authn_mfa_removed", alice)] == [
        "recovery codes"
    ]


def test_they_can_be_downloaded(alice):
    add_app(alice)
    answer = alice.get(f"{CODES}download/")
    assert answer.content.decode().split() == shown(alice)
    assert answer["Content-Disposition"].startswith("attachment")


def test_there_are_none_without_a_second_step(alice):
    assert alice.get(CODES).status_code == 404
    assert "Add one of them first" in alice.post(NEW).content.decode()


def test_they_are_shown_to_a_fresh_sign_in_only(alice):
    add_app(alice)
    alice.signed_in_ago(minutes=16)
    for address in (CODES, NEW, f"{CODES}download/"):
        assert alice.get(address)["Location"].startswith("/accounts/reauthenticate/")
