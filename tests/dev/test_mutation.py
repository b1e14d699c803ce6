from dev.mutation import score


def test_it_works() -> None:
    assert score({"total": 12, "skipped": 2, "killed": 8, "timeout": 1, "survived": 1}) == 90.0


def test_nothing_tested_is_nothing_reached() -> None:
    assert score({"total": 2, "skipped": 2, "killed": 0, "timeout": 0}) == 0.0
