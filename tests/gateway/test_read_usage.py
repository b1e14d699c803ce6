from datetime import timedelta

import pytest

from controlpanel.audit.models import AuditEvent
from controlpanel.audit.verification import other_checks
from controlpanel.gateway import read_usage
from controlpanel.gateway.models import Reads
from controlpanel.gateway.signed_counts import series
from controlpanel.lib import clock

pytestmark = [
    pytest.mark.databases,
    pytest.mark.django_db,
    pytest.mark.usefixtures("_half_minute_begins"),
]


def events():
    return [
        (one.data["route"], one.data["count"], one.actor_name, one.target_name)
        for one in AuditEvent.objects.filter(event="gateway.reads").order_by("seq")
    ]


def test_reads_become_one_event_a_key_route_and_half_minute(viewer, vera):
    for path in ("/servers/", "/servers/", "/servers/12345/"):
        viewer.get(path)
    read_usage.write_down()
    assert read_usage.record_reads() == 0  # it is not over
    clock.shift(timedelta(minutes=3))
    assert read_usage.record_reads() == 2
    assert events() == [
        ("servers.list", 2, vera.user.email, "ci-deploy"),
        ("servers.show", 1, vera.user.email, "ci-deploy"),
    ]
    assert not Reads.objects.exists()
    assert read_usage.record_reads() == 0


def test_processes_add_up(viewer):
    for _ in range(2):
        viewer.get("/servers/")
        read_usage.write_down()
        series.begin()
    assert Reads.objects.count() == 2
    clock.shift(timedelta(minutes=3))
    assert read_usage.record_reads() == 1
    assert [count for _, count, _, _ in events()] == [2]
    assert other_checks.first_problem() is None


def test_what_cannot_be_written_waits(viewer, monkeypatch):
    from django.db import DatabaseError

    viewer.get("/servers/")

    def fail(*_args):
        raise DatabaseError

    with monkeypatch.context() as broken:
        broken.setattr(read_usage, "_add", fail)
        read_usage.write_down()
    assert not Reads.objects.exists()
    read_usage.write_down()
    assert Reads.objects.get().count == 1


def test_what_cannot_be_recorded_stays(viewer, audit_broken):
    viewer.get("/servers/")
    read_usage.write_down()
    clock.shift(timedelta(minutes=3))
    assert read_usage.record_reads() == 0
    assert Reads.objects.get().count == 1


def test_what_comes_of_it_does_not_matter(viewer):
    """Trying ids that are not there is told as well; what is no call at all is not one of these."""
    viewer.get("/servers/99999/")
    viewer.get("/nothing/")
    read_usage.write_down()
    assert [(one.route, one.count) for one in Reads.objects.all()] == [("servers.show", 1)]


def test_with_nothing_to_write_the_database_is_left_alone(db, django_assert_num_queries):
    with django_assert_num_queries(0):
        read_usage.write_down()
