import pytest
from django.test import Client


@pytest.mark.django_db
def test_it_works_for_nobody(client: Client) -> None:
    response = client.get("/styleguide/")
    assert response.status_code == 200
    assert b"defragmenting" in response.content


@pytest.mark.django_db
def test_it_keeps_the_chosen_theme(client: Client) -> None:
    client.cookies["theme"] = "dark"
    assert b'data-theme="dark"' in client.get("/styleguide/").content


@pytest.mark.django_db
def test_it_takes_no_theme_that_it_does_not_know(client: Client) -> None:
    client.cookies["theme"] = 'x" onload="alert(1)'
    content = client.get("/styleguide/").content
    assert b"onload" not in content
    assert b"data-theme=" not in content


@pytest.mark.django_db
def test_it_rejects_post(client: Client) -> None:
    assert client.post("/styleguide/").status_code == 405
