"""The page that shows the gateway."""

from html import unescape

import pytest
from pytest_django.asserts import assertRedirects

from controlpanel.gateway.routes import ROUTES
from controlpanel.gateway.spec import error_codes
from controlpanel.gateway.spec.examples import LANGUAGES, SAMPLES, written
from tests.people import HTMX

URL = "/teams/acme/api/"
HERE = "http://localhost:8000"

pytestmark = pytest.mark.django_db


def shown(person, url=URL, **headers):
    answer = person.get(url, headers=headers)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def test_it_works(vera):
    text = shown(vera)
    for route in ROUTES:
        anchor = route.name.replace(".", "-").replace("_", "-")
        assert f'id="{anchor}"' in text
        assert f'href="#{anchor}"' in text
        assert f"/api/v1{route.path}" in text
        assert route.sentence in text
        assert written("curl", HERE, SAMPLES[route.name]) in text
        for name in (*route.query, *(route.body or {})):
            assert f"<code>{name}</code>" in text
    for one in error_codes.KNOWN:
        assert one.meaning in text
        assert one.remedy in text
    assert 'href="/api/v1/openapi.json"' in text
    assert 'href="/teams/acme/panel-keys/"' in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_an_address(vera, language):
    text = shown(vera, f"{URL}?lang={language}")
    for call in SAMPLES.values():
        assert written(language, HERE, call) in text
    for one, label in LANGUAGES.items():
        assert (f'aria-current="true">{label}</a>' in text) == (one == language)


def test_an_unknown_language_is_the_usual_one(vera):
    assert written("curl", HERE, SAMPLES["servers.list"]) in shown(vera, f"{URL}?lang=cobol")


def test_it_works_through_htmx(vera):
    text = shown(vera, f"{URL}?lang=php", **HTMX)
    assert text.strip().startswith('<div id="api"')


def test_it_requires_sign_in(nobody, team):
    assertRedirects(nobody.get(URL), f"/accounts/login/?next={URL}", fetch_redirect_response=False)


def test_it_hides_from_outsiders(charlie, team):
    assert charlie.get(URL).status_code == 404


def test_it_rejects_post(vera):
    assert vera.post(URL).status_code == 405


def test_everybody_is_led_there(vera):
    assert f'href="{URL}"' in shown(vera, "/teams/acme/servers/")


def test_ids_are_unique(vera):
    text = shown(vera)
    ids = [part.split('"')[0] for part in text.split(' id="')[1:]]
    assert len(ids) == len(set(ids))
