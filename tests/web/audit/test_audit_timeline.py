"""Timelines of servers and people: one page of the audit log, and the ways to it."""

import re
from collections.abc import Callable

from controlpanel.accounts.models import Account, Team
from controlpanel.lib import clock
from controlpanel.servers.models import Server
from tests.people import Person, join, with_servers
from tests.web.audit.test_audit_list import URL, listed, note, words

WEB = "web-server-01"


def of_server(provider_id: str) -> str:
    return f"{URL}?q=target%3Aserver%2F{provider_id}"


def of_person(person: Person) -> str:
    return f"{URL}?q=actor%3A{person.user.id}"


def html_of(person: Person, address: str) -> str:
    page = person.get(address)
    assert page.status_code == 200
    return page.content.decode()


def heading(person: Person, address: str) -> str:
    found = re.search(r"<h1>\s*(.*?)\s*</h1>", html_of(person, address), re.DOTALL)
    assert found
    return found[1]


def test_a_servers_page_shows_what_happened_to_it(
    alice: Person, server: Callable[[str], Server]
) -> None:
    web = server(WEB)
    note(alice, name=WEB, id=web.provider_id, reason="it hung")
    note(alice, name="other", id="1")
    html = html_of(alice, f"/teams/acme/servers/{web.provider_id}/")
    activity = html.partition('id="activity"')[2]
    assert "it hung" in activity
    assert re.findall(r'id="event-(\d+)"', activity) == ["1"]
    assert f'href="{of_server(web.provider_id)}"' in activity


def test_whoever_may_not_read_the_audit_log_sees_none_of_it_there(
    alice: Person, bob: Person, server: Callable[[str], Server]
) -> None:
    web = server(WEB)
    note(alice, name=WEB, id=web.provider_id, reason="it hung")
    html = html_of(bob, f"/teams/acme/servers/{web.provider_id}/")
    assert 'id="activity"' not in html
    assert "it hung" not in html


def test_a_servers_timeline_is_of_its_id(alice: Person, server: Callable[[str], Server]) -> None:
    web = server(WEB)
    note(alice, name="before-01", id=web.provider_id)
    note(alice, name=WEB, id=web.provider_id)
    note(alice, name=f"{WEB}-b", id="1")
    address = of_server(web.provider_id)
    assert listed(alice, address.removeprefix(URL)) == [2, 1]
    assert heading(alice, address) == f"Timeline of {WEB}"
    html = html_of(alice, address)
    assert f'href="/teams/acme/servers/{web.provider_id}/"' in html
    assert "Open the server" in html
    assert f"Target: {WEB}" in html


def test_a_server_without_a_page_leads_to_its_timeline(
    alice: Person, synced: Account, server: Callable[[str], Server]
) -> None:
    web = server(WEB)
    note(alice, name=WEB, id=web.provider_id)
    assert f'href="/teams/acme/servers/{web.provider_id}/"' in html_of(alice, URL)
    synced.disconnected_at = clock.now()
    synced.save()
    html = html_of(alice, URL)
    assert f'href="/teams/acme/servers/{web.provider_id}/"' not in html
    assert f'href="{of_server(web.provider_id)}"' in html
    assert "Open the server" not in html_of(alice, of_server(web.provider_id))


def test_a_server_that_is_gone_still_has_its_page(
    alice: Person, server: Callable[[str], Server]
) -> None:
    web = server(WEB)
    Server.objects.filter(id=web.id).update(gone_at=clock.now())
    note(alice, name=WEB, id=web.provider_id)
    link = f"/teams/acme/servers/{web.provider_id}/"
    assert f'href="{link}"' in html_of(alice, URL)
    assert alice.get(link).status_code == 200


def test_a_server_out_of_reach_has_no_timeline(
    team: Team, alice: Person, server: Callable[[str], Server]
) -> None:
    web = server(WEB)
    note(alice, name=WEB, id=web.provider_id)
    rita = join(team, "rita", "auditor", with_servers(web.provider_id))
    assert f'href="/teams/acme/servers/{web.provider_id}/"' in html_of(rita, URL)
    other = server("db-server-01")
    note(alice, name="db-server-01", id=other.provider_id)
    assert listed(rita, of_server(other.provider_id).removeprefix(URL)) == []
    assert "db-server-01" not in html_of(rita, of_server(other.provider_id))


def test_a_persons_timeline_is_of_their_id(alice: Person, bob: Person) -> None:
    note(bob)
    note(alice)
    bob.user.email = "robert@example.com"
    bob.user.save()
    note(bob)
    assert listed(alice, of_person(bob).removeprefix(URL)) == [3, 1]
    assert heading(alice, of_person(bob)) == "What robert@example.com did"
    assert "Who: robert@example.com" in words(alice, of_person(bob).removeprefix(URL))
    assert f"{URL}?q=target%3Auser%2F{bob.user.id}" in html_of(alice, of_person(bob))


def test_people_who_are_gone_are_still_named(alice: Person, bob: Person) -> None:
    note(bob)
    address = of_person(bob)
    bob.membership.delete()
    bob.user.delete()
    assert heading(alice, address) == "What bob@example.com did"
    assert listed(alice, address.removeprefix(URL)) == [1]


def test_the_members_page_leads_to_it(alice: Person, bob: Person, vera: Person) -> None:
    assert f'href="{of_person(bob)}"' in html_of(alice, "/teams/acme/members/")
    access = f"/teams/acme/members/{bob.user.id}/access/"
    assert f'href="{of_person(bob)}"' in html_of(alice, access)
    assert of_person(bob) not in html_of(vera, access)


def test_an_event_knows_its_place_in_its_targets_history(alice: Person) -> None:
    note(alice)
    note(alice, name="other", id="1")
    note(alice)
    note(alice)
    html = html_of(alice, f"{URL}3/")
    text = re.sub(r"\s+", " ", html)
    assert "Number 2 in the history of web-01." in text
    assert f'rel="prev" href="{URL}1/"' in html
    assert f'rel="next" href="{URL}4/"' in html
    assert f'href="{of_server("12345")}"' in html
    assert 'rel="prev"' not in html_of(alice, f"{URL}1/")
    assert 'rel="next"' not in html_of(alice, f"{URL}4/")


def test_times_are_in_the_readers_zone_with_utc_at_hand(alice: Person) -> None:
    event = note(alice)
    utc = event.at.strftime("%Y-%m-%d %H:%M:%S UTC")
    for address in (URL, f"{URL}1/"):
        html = html_of(alice, address)
        assert f'title="{utc}" data-moment>{utc}</time>' in html
    alice.user.time_zone = "Asia/Tokyo"
    alice.user.save()
    for address in (URL, f"{URL}1/"):
        html = html_of(alice, address)
        assert re.search(rf'title="{utc}">[-0-9]+ [:0-9]+ JST</time>', html)
        assert "Asia/Tokyo" in html


def test_paper_names_the_address_the_filters_and_the_zone(alice: Person) -> None:
    note(alice)
    text = words(alice, "?q=result:done+actor:alice")
    printed = text.partition("http://testserver")[2]
    assert printed.startswith(f"{URL}?q=result%3Adone+actor%3Aalice")
    assert "Filters in force: Result: done; Who: alice." in printed
    assert "for alice@example.com." in printed
    assert "Times are in the zone UTC." in printed
