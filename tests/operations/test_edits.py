import pytest

from controlpanel.operations.edits import compare

SEEN = {"name": "a", "hostname": "a.example.com", "backups_enabled": True}


def test_only_what_changed_is_sent():
    edit = compare({**SEEN, "name": "b"}, SEEN, SEEN)
    assert edit.changes == {"name": "b"}
    assert edit.before == {"name": "a"}
    assert edit.conflicts == {}


def test_nothing_changed_is_nothing():
    assert compare(SEEN, SEEN, SEEN).changes == {}


def test_another_change_of_the_same_field_is_a_conflict():
    edit = compare({**SEEN, "name": "mine"}, SEEN, {**SEEN, "name": "theirs"})
    assert edit.conflicts == {"name": ("a", "theirs")}
    assert edit.changes == {}


def test_another_change_to_the_same_value_is_no_conflict():
    edit = compare({**SEEN, "name": "b"}, SEEN, {**SEEN, "name": "b"})
    assert (edit.changes, edit.conflicts) == ({}, {})


def test_what_the_person_left_alone_is_not_theirs():
    fresh = {"name": "theirs", "hostname": "their.example.com", "backups_enabled": False}
    edit = compare({**SEEN, "name": "b"}, SEEN, {**fresh, "name": "a"})
    assert edit.changes == {"name": "b"}
    assert edit.conflicts == {}


def test_a_conflict_holds_back_nothing_else_that_is_known():
    fresh = {**SEEN, "name": "theirs"}
    edit = compare({**SEEN, "name": "mine", "backups_enabled": False}, SEEN, fresh)
    assert edit.changes == {"backups_enabled": False}
    assert edit.conflicts == {"name": ("a", "theirs")}


@pytest.mark.parametrize("now", [True, False, None])
def test_what_was_not_known_when_seen_is_compared_with_now(now):
    edit = compare({"backups_enabled": True}, {"backups_enabled": None}, {"backups_enabled": now})
    assert edit.conflicts == {}
    assert edit.changes == ({} if now is True else {"backups_enabled": True})


def test_what_the_provider_does_not_say_is_as_it_was_seen():
    edit = compare({"backups_enabled": False}, {"backups_enabled": True}, {"backups_enabled": None})
    assert edit.changes == {"backups_enabled": False}
    assert edit.before == {"backups_enabled": True}


def test_a_field_that_was_not_given_is_left_alone():
    assert compare({}, {}, SEEN).changes == {}
