from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AuditConfig(AppConfig):
    name = "controlpanel.audit"

    def ready(self) -> None:
        from controlpanel.audit.checkpoints import key_events
        from controlpanel.audit.log import append, triggers
        from controlpanel.audit.review.projections import PROJECTIONS
        from controlpanel.audit.tables import projections, schema_changes
        from controlpanel.keys import sealed_stores, witness

        post_migrate.connect(triggers.make, sender=self)
        post_migrate.connect(append.make_function, sender=self)
        post_migrate.connect(schema_changes.migrated, sender=self, dispatch_uid="panel.migrated")
        sealed_stores.register(
            sealed_stores.Holder("the audit log", key_events.usage, key_events.needed)
        )
        witness.register(key_events.record_event)
        for one in PROJECTIONS:
            projections.register(one)
