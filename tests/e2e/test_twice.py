"""However often a person presses the button: one server."""

import pytest
from playwright.sync_api import expect

from tests.e2e import doing

pytestmark = pytest.mark.e2e
CREATE = "POST /api/v1/servers/"


def test_a_double_click(visit, door):
    began = door.mark()
    page = visit("operator")
    doing.fill_create(page, "twice-click")
    doing.create_button(page).dblclick()
    doing.at_receipt(page)
    doing.until_observed(page)
    assert door.changes(began) == [CREATE]


def test_a_double_click_without_javascript(visit, door):
    began = door.mark()
    page = visit("operator", javascript=False)
    doing.fill_create(page, "twice-plain")
    # The browser breaks off the first request and sends the form once more.
    doing.create_button(page).dblclick()
    doing.at_receipt(page)
    doing.until_observed(page, javascript=False)
    assert door.changes(began) == [CREATE]


def test_the_same_form_twice_at_once(visit, door):
    began = door.mark()
    page = visit("operator")
    doing.fill_create(page, "twice-race")
    addresses = page.evaluate(
        """async () => {
            const form = document.querySelector("form[data-summarised]");
            const send = () => fetch(form.action, {method: "POST", body: new FormData(form)});
            const answers = await Promise.all([send(), send(), send()]);
            return answers.map((answer) => answer.url);
        }"""
    )
    assert len(set(addresses)) == 1
    page.goto(addresses[0])
    doing.until_observed(page)
    assert door.changes(began) == [CREATE]


def test_back_and_once_more(visit, door):
    began = door.mark()
    page = visit("operator")
    doing.create(page, "back-js")
    receipt = page.url
    doing.until_observed(page)
    page.go_back()
    expect(page.get_by_label("Name", exact=True)).to_have_value("back-js")
    doing.create_button(page).click()
    doing.at_receipt(page)
    assert page.url == receipt
    assert door.changes(began) == [CREATE]


def test_back_and_once_more_without_javascript(visit, door):
    began = door.mark()
    page = visit("operator", javascript=False)
    doing.create(page, "back-plain")
    receipt = page.url
    page.go_back()
    # The browser asked for the form again, and only the name tells that it is the same.
    expect(page.get_by_label("Name", exact=True)).to_have_value("back-plain")
    doing.create_button(page).click()
    page.get_by_role("link", name="See its receipt").click()
    assert page.url == receipt
    assert door.changes(began) == [CREATE]
