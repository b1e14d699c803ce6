from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AuditConfig(AppConfig):
    name = "controlpanel.audit"

    def ready(self) -> None:
        from controlpanel.audit import keys, triggers
        from controlpanel.keys import startup

        post_migrate.connect(triggers.make, sender=self)
        startup.register_user("the audit log", keys.needed)
        startup.register_witness(keys.record_created)
