import pytest

from controlpanel.operations.states import LABELS, MOVES, OPEN, IllegalMove, State, check


def test_every_state_has_a_row_and_a_label():
    assert set(MOVES) == set(State) == set(LABELS)


def test_every_state_but_the_first_can_be_reached():
    reached = {new for moves in MOVES.values() for new in moves}
    assert reached == set(State) - {State.REQUESTED}


def test_open_states_are_those_that_can_move():
    assert set(OPEN) == {"requested", "sending", "accepted", "unknown"}


@pytest.mark.parametrize("old", list(State))
@pytest.mark.parametrize("new", list(State))
def test_only_moves_of_the_table_are_allowed(old, new):
    if new in MOVES[old]:
        check(old, new)
    else:
        with pytest.raises(IllegalMove):
            check(old, new)


def test_nothing_goes_back_to_being_sent():
    for old, moves in MOVES.items():
        assert State.REQUESTED not in moves
        assert State.SENDING not in moves or old is State.REQUESTED
