"""From events to a signed checkpoint: the ways through its trees, as they stand in a bundle."""

from collections.abc import Mapping

from django.utils.translation import gettext as _

from controlpanel.audit.checkpoints import checkpoints
from controlpanel.audit.checkpoints.checkpoints import Proof, Tree
from controlpanel.audit.export.bundle_contents import Key, Run
from controlpanel.audit.models import AuditEvent, CheckpointChain, TargetHead


class Contradiction(Exception):
    """The events are not what the checkpoint says; the message is a sentence."""


def of_targets(row: CheckpointChain, runs: Mapping[Key, Run]) -> list[Proof]:
    """An entry a target; its `proof` is None where its last events are not among those shown."""
    heads = _heads_at(row)
    leaves = checkpoints.target_leaves(row, heads.values())
    if checkpoints.targets_root(leaves) != row.targets_root:
        raise Contradiction(
            _("The audit log contradicts its checkpoint. Run `manage.py verify_audit`.")
        )
    by_target = dict(zip(heads, leaves, strict=True))
    tree = Tree(leaf.hash for leaf in leaves)
    return [
        {
            "kind": kind,
            "id": target,
            "gaps": run.gaps,
            "last": run.last,
            "proof": tree.proof(by_target[kind, target])
            if (kind, target) in heads and heads[kind, target].seq == run.last
            else None,
        }
        for (kind, target), run in sorted(runs.items())
    ]


def _heads_at(row: CheckpointChain) -> dict[Key, TargetHead]:
    """Where the targets' histories stood at the checkpoint: a few may have moved since."""
    heads = {(head.kind, head.target): head for head in TargetHead.objects.filter(chain=row.chain)}
    events = AuditEvent.objects.filter(chain=row.chain)
    moved = events.filter(seq__gt=row.seq).order_by().values_list("target_kind", "target_id")
    for kind, target in set(moved):
        before = events.filter(
            seq__lte=row.seq, target_kind=kind, target_id=target, target_seq__gt=0
        )
        last = before.order_by("-seq").first()
        if last is None:
            heads.pop((kind, target), None)
            continue
        heads[kind, target].seq, heads[kind, target].hash = last.target_seq, last.hash
    return heads
