from controlpanel.runtime.management.commands import demo
from dev.run import DEMO_PASSWORD, DEMO_PEOPLE


def test_what_is_printed_is_what_the_demo_makes() -> None:
    made = {(person.email, person.team.lower()) for person in demo.PEOPLE}
    assert {(email, team) for email, team, _ in DEMO_PEOPLE} == made
    assert demo.PASSWORD == DEMO_PASSWORD
