from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AuditConfig(AppConfig):
    name = "controlpanel.audit"

    def ready(self) -> None:
        from controlpanel.audit import appending, keys, projections, schema, triggers
        from controlpanel.audit.review_projections import PROJECTIONS
        from controlpanel.keys import holders, witness

        post_migrate.connect(triggers.make, sender=self)
        post_migrate.connect(appending.make_function, sender=self)
        post_migrate.connect(schema.migrated, sender=self, dispatch_uid="panel.migrated")
        holders.register(holders.Holder("the audit log", keys.usage, keys.needed))
        witness.register(keys.record_event)
        for one in PROJECTIONS:
            projections.register(one)
