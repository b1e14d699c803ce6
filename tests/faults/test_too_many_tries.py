from django.test import Client
from pytest_django import Settings

from tests.faults import invariants
from tests.people import Person


def test_too_many_tries_to_sign_in_get_a_page_of_ours(
    bob: Person, nobody: Client, settings: Settings
) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login": "1/m/ip"}
    form = {"login": bob.user.email, "password": "wrong"}
    assert nobody.post("/accounts/login/", form).status_code == 200
    answer = nobody.post("/accounts/login/", form)
    assert answer.status_code == 429
    assert "Too many tries" in invariants.main(answer)
    assert "Wait a few minutes" in invariants.main(answer)
