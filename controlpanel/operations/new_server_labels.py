"""A new server gets the labels that its create asked for, as soon as it is known."""

from controlpanel.operations.models import Operation
from controlpanel.servers import labels
from controlpanel.servers.models import Server


def give(operation: Operation) -> None:
    """Once: what somebody has put on it meanwhile stays."""
    wanted = labels.from_text(operation.labels)
    if operation.kind != "create" or not wanted or not operation.provider_id:
        return
    server = Server.objects.filter(
        account_id=operation.account_id, provider_id=operation.provider_id
    ).first()
    if server and not labels.of(server):
        labels.replace(server, wanted)
