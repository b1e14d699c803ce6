from django.apps import AppConfig


class CredentialsConfig(AppConfig):
    name = "controlpanel.credentials"

    def ready(self) -> None:
        from controlpanel.audit.tables import projections
        from controlpanel.credentials import key_digest, sealing
        from controlpanel.credentials.projections import PROJECTION
        from controlpanel.keys import holders

        holders.register(holders.Holder("API tokens", sealing.usage, sealing.needed, sealing.VAULT))
        holders.register(holders.Holder("panel keys", key_digest.usage, key_digest.needed))
        projections.register(PROJECTION)
