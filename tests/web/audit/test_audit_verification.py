"""The shield, its page, and the red banner on every page of the team."""

from datetime import timedelta

import pytest

from controlpanel.accounts.models import Team
from controlpanel.audit import hashing
from controlpanel.audit.export import bundle
from controlpanel.audit.log import triggers
from controlpanel.audit.log.recorder import Target, record_now
from controlpanel.audit.models import TargetHead
from controlpanel.audit.verification import progress, worker
from controlpanel.audit.verification.full_check import Wrong
from controlpanel.audit.verification.progress import COMMON
from controlpanel.keys import macs
from controlpanel.lib import clock
from tests.audit.writing import change, triggers_aside
from tests.people import HTMX, Person, join, with_labels
from tests.web.asking import shows

URL = "/teams/acme/audit/verification/"
AUDIT = "/teams/acme/audit/"
DAMAGED = "The audit log is damaged."


@pytest.fixture
def written(alice: Person) -> Team:
    """Three events about a server, verified."""
    scope = alice.scope()
    for _ in range(3):
        record_now(
            "server.reboot",
            chain=alice.team.chain,
            actor=scope.actor,
            origin=scope.origin,
            target=Target("server", "4711", "secret-name"),
            result="success",
            data={"phase": "outcome", "operation": "", "account": "main"},
        )
    worker.run()
    return alice.team


def damage(team: Team) -> None:
    triggers_aside()
    change(
        "UPDATE audit_targethead SET mac = hash WHERE chain = %s AND target = '4711'", team.chain
    )
    triggers.make()
    clock.shift(timedelta(days=1))
    worker.run()


def test_it_works(audrey: Person, written: Team) -> None:
    assert shows(audrey.get(AUDIT), "Verified to #3")
    page = audrey.get(URL)
    assert page.status_code == 200
    assert shows(page, "Verified to #3")
    assert shows(page, "What was not checked")
    assert shows(page, bundle.verifier_hash())
    assert DAMAGED not in page.content.decode()


def test_before_the_first_run_it_says_so(audrey: Person) -> None:
    assert shows(audrey.get(URL), "Not verified yet")


def test_it_turns_amber_when_the_worker_is_late(audrey: Person, written: Team) -> None:
    clock.shift(timedelta(minutes=20))
    page = audrey.get(AUDIT)
    assert shows(page, "Not checked for 20")
    assert shows(audrey.get(URL), "look at the worker")
    worker.run()
    assert shows(audrey.get(AUDIT), "Verified to #")


def test_what_is_wrong_is_said_on_every_page_of_the_team(
    alice: Person, audrey: Person, vera: Person, charlie: Person, written: Team
) -> None:
    damage(written)
    for address in ("servers/", "operations/", "members/", "audit/", "tokens/"):
        page = alice.get(f"/teams/acme/{address}")
        assert shows(page, DAMAGED), address
        assert shows(page, "What says where the record ends was changed."), address
        assert shows(page, f'href="{URL}"'), address
    page = vera.get("/teams/acme/servers/")  # who cannot read the log is told as well
    assert shows(page, DAMAGED)
    assert not shows(page, f'href="{URL}"')
    assert shows(audrey.get(AUDIT), "Something is wrong")
    page = audrey.get(URL)
    assert shows(page, "target_mac")
    assert shows(page, "server 4711")
    assert shows(page, "run")
    assert not shows(charlie.get("/teams/globex/servers/"), DAMAGED)


def test_it_stays_until_everything_is_sound_again(alice: Person, written: Team) -> None:
    before = progress.load(written.chain)
    damage(written)
    assert before.sound
    triggers_aside()
    head = TargetHead.objects.get(chain=written.chain, target="4711")
    message = hashing.target_message(written.chain, "server", "4711", head.seq, head.hash)
    change(
        "UPDATE audit_targethead SET mac = %s WHERE chain = %s AND target = '4711'",
        *(macs.mac("audit-mac", message, head.mac_key_id)[1], written.chain),
    )
    triggers.make()
    worker.run()
    assert shows(alice.get("/teams/acme/servers/"), DAMAGED)
    clock.shift(worker.AGAIN_AFTER)
    worker.run()
    assert not shows(alice.get("/teams/acme/servers/"), DAMAGED)
    assert shows(alice.get(AUDIT), "verified the audit log and found nothing wrong")


def test_a_place_is_named(alice: Person, written: Team) -> None:
    one = progress.load(written.chain)
    one.found(Wrong("hash", written.chain, 2, "Chain x, event #2: it was changed."))
    progress.save(one)
    assert shows(alice.get("/teams/acme/servers/"), "The first wrong place is event #2.")


def test_what_is_common_to_all_is_said_to_all(alice: Person, charlie: Person) -> None:
    one = progress.load(COMMON)
    one.found(Wrong("file", "", 4, "Checkpoint #4: its line in the file was changed."))
    progress.save(one)
    for person, team in ((alice, "acme"), (charlie, "globex")):
        page = person.get(f"/teams/{team}/servers/")
        assert shows(page, DAMAGED)
        assert shows(page, "The first wrong place is checkpoint #4.")


def test_owners_are_told_of_the_panels_own_chain(
    alice: Person, audrey: Person, written: Team
) -> None:
    one = progress.load("panel")
    one.found(Wrong("hash", "panel", 2, "Chain panel, event #2: it was changed."))
    progress.save(one)
    assert shows(alice.get("/teams/acme/servers/"), "The panel’s own audit log is damaged.")
    assert not shows(audrey.get("/teams/acme/servers/"), "The panel’s own audit log")


def test_who_is_there_for_some_servers_learns_no_place_and_no_name(written: Team) -> None:
    lara = join(written, "lara", "auditor", with_labels("env:prod"))
    assert shows(lara.get(URL), "Verified to #3")
    damage(written)
    for address in (URL, AUDIT, "/teams/acme/servers/"):
        page = lara.get(address)
        assert shows(page, DAMAGED)
        assert "4711" not in page.content.decode()
        assert "secret-name" not in page.content.decode()
        assert not shows(page, "The first wrong place")


def test_a_row_that_was_changed_shows_red(alice: Person, written: Team) -> None:
    change("UPDATE audit_verification SET state = '{}' WHERE chain = %s", written.chain)
    page = alice.get("/teams/acme/servers/")
    assert shows(page, DAMAGED)
    assert shows(page, "its own verification was changed")


def test_it_requires_the_right(vera: Person, bob: Person) -> None:
    for person in (vera, bob):
        assert person.get(URL).status_code == 403


def test_it_rejects_post(audrey: Person) -> None:
    assert audrey.post(URL).status_code == 405


def test_it_hides_from_outsiders(charlie: Person, alice: Person) -> None:
    assert charlie.get(URL).status_code == 404


def test_a_fragment_does_not_ask_for_banners(alice: Person, written: Team) -> None:
    damage(written)
    answer = alice.get("/teams/acme/servers/", headers=HTMX)
    assert answer.status_code == 200
    assert DAMAGED not in answer.content.decode()
