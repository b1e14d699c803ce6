import pytest
from django.db import OperationalError, connection
from django.test import Client


def test_it_works(db: None, nobody: Client) -> None:
    answer = nobody.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}
    assert not answer.cookies


def test_without_a_database_it_says_so(db: None, nobody: Client) -> None:
    def refuse(*_args: object) -> None:
        raise OperationalError("gone")

    with connection.execute_wrapper(refuse):
        answer = nobody.get("/healthz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "database unreachable"}


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_it_only_answers_reads(db: None, nobody: Client, method: str) -> None:
    assert getattr(nobody, method)("/healthz").status_code == 405
