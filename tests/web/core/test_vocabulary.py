"""The tags and filters of `{% load panel %}`."""

from datetime import timedelta

import pytest
from django import forms
from django.template import Context, Template

from controlpanel.lib import clock
from controlpanel.operations.states import State
from controlpanel.servers.models import Server


def show(source: str, **context: object) -> str:
    return Template("{% load panel %}" + source).render(Context(context))


class Form(forms.Form):
    name = forms.CharField(help_text="At most 63 letters.")
    backups = forms.BooleanField(required=False)
    where = forms.ChoiceField(choices=[("a", "A")], widget=forms.RadioSelect)
    form_id = forms.CharField(widget=forms.HiddenInput)


@pytest.mark.parametrize("word", [*sorted(Server.MOVING), "active", "stopped", "suspended"])
def test_known_statuses_have_no_question_mark(word: str) -> None:
    badge = show("{% status word %}", word=word)
    assert word in badge
    assert "question" not in badge


def test_an_unknown_status_is_shown_as_it_is_with_a_question_mark() -> None:
    badge = show("{% status word %}", word="<b>defrag\u202egmenting")
    assert "&lt;b&gt;defraggmenting" in badge
    assert "circle-question-mark" in badge


def test_a_gone_server_is_struck_and_says_gone() -> None:
    badge = show('{% status "active" gone=True %}')
    assert "struck" in badge
    assert "gone" in badge


@pytest.mark.parametrize("state", State)
def test_every_state_of_an_operation_has_a_badge(state: State) -> None:
    badge = show("{% opstate name %}", name=state.value)
    assert state.value.replace("_", " ") in badge


@pytest.mark.parametrize(
    ("result", "word"),
    [("success", "done"), ("failure", "failed"), ("denied", "denied"), ("unknown", "unknown")],
)
def test_results_are_said_in_the_words_of_the_pages(result: str, word: str) -> None:
    assert word in show("{% result name %}", name=result)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(2, "just now"), (42, "42 s ago"), (150, "2 min ago"), (7300, "2 h ago"), (90000, "1 day")],
)
def test_ages_are_short(seconds: int, words: str) -> None:
    when = clock.now() - timedelta(seconds=seconds)
    page = show("{% ago when %}", when=when)
    assert words in page
    assert "UTC" in page


def test_no_time_is_a_dash() -> None:
    assert "–" in show("{% ago when %}", when=None)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{% plan_words 2 4096 80 %}", "2 vCPU · 4 GB · 80 GB"),
        ("{% plan_words None 512 None %}", "512 MB"),
        ("{{ 2000|gigabytes }}", "2 TB"),
        ("{{ 31.25|percent }}", "31 %"),
    ],
)
def test_numbers_become_words(source: str, words: str) -> None:
    assert show(source) == words


def test_a_gauge_never_leaves_its_frame() -> None:
    assert 'width="100"' in show('{% gauge "Disk" 120 80 unit="GB" %}')
    assert "not known" in show('{% gauge "Disk" None 80 unit="GB" %}')


def test_a_field_ties_hint_and_error_to_its_control() -> None:
    page = show("{% field form.name %}", form=Form({}))
    assert 'aria-describedby="id_name_hint id_name_error"' in page
    assert 'aria-invalid="true"' in page
    assert 'id="id_name_error"' in page


def test_the_error_summary_links_to_what_can_be_seen_only() -> None:
    page = show("{% error_summary form %}", form=Form({}))
    assert 'href="#id_name"' in page
    assert 'href="#id_where_0"' in page
    assert "#id_form_id" not in page
    assert 'class="error-summary"' in page
    assert show("{% error_summary form %}", form=Form()).strip() == ""
