"""Tasks carry ids only; what is due stands in the rows."""

from datetime import timedelta
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.db.models import Q

from controlpanel.accounts.models import Account
from controlpanel.accounts.selectors import is_connected
from controlpanel.audit.log import read_only
from controlpanel.credentials.panel_keys import expiry_mail
from controlpanel.credentials.tokens import clients
from controlpanel.lib import clock, request_id
from controlpanel.operations import runner, sweeper
from controlpanel.operations.following import polling
from controlpanel.operations.models import Operation
from controlpanel.operations.states import State
from controlpanel.outgoing.enqueue import enqueue
from controlpanel.servers.models import Server


@shared_task
def send(operation_id: str, request: str = "") -> None:
    with request_id.bound(request or request_id.new()):
        runner.send(UUID(operation_id))


@shared_task
def tick() -> None:
    """Looks at every account for which something is due."""
    for account_id in due_accounts():
        enqueue("operations.tasks.poll", str(account_id))


@shared_task
def poll(account_id: str) -> None:
    with request_id.bound(request_id.new()):
        account = Account.objects.get(id=account_id)
        if not is_connected(account):
            return
        polling.poll(account, at_least=timedelta(seconds=1), seconds=clients.WORKER_SECONDS)


@shared_task(name="controlpanel.operations.tasks.look")
def poll_by_its_former_name(account_id: str) -> None:
    """What an older panel put into the queue. To be removed after one release."""
    poll(account_id)


@shared_task
def sweep() -> None:
    with request_id.bound(request_id.new()):
        sweeper.sweep()


@shared_task
def warn_of_ends() -> None:
    """Panel keys that end soon."""
    with request_id.bound(request_id.new()):
        if not read_only.closed():
            expiry_mail.warn_due()


def due_accounts() -> set[UUID]:
    """Accounts whose turn has come, or with an operation or a looked-at server that is due."""
    now = clock.now()
    followed = Operation.objects.filter(
        next_poll_at__lte=now, state__in=[State.ACCEPTED.value, State.UNKNOWN.value]
    )
    wanted = Server.objects.filter(
        Q(asked_at=None) | Q(asked_at__lte=now - polling.DETAIL_FRESH),
        gone_at=None,
        wanted_at__gte=now - polling.WANTED_FOR,
    )
    connected = Account.objects.filter(origin=settings.VPSORG_API_ORIGIN, disconnected_at=None)
    # While a back-off runs nobody looks, whatever is due.
    wants = Q(id__in=followed.values("account_id")) | Q(id__in=wanted.values("account_id"))
    due = connected.filter(Q(sync=None) | Q(sync__next_at__lte=now) | (Q(sync__failures=0) & wants))
    return set(due.values_list("id", flat=True))
