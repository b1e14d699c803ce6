from django.apps import AppConfig


class CredentialsConfig(AppConfig):
    name = "controlpanel.credentials"

    def ready(self) -> None:
        from controlpanel.audit.tables import projections
        from controlpanel.credentials.panel_keys import digest as key_digest
        from controlpanel.credentials.panel_keys.projections import PROJECTION
        from controlpanel.credentials.tokens import sealed_tokens
        from controlpanel.keys import sealed_stores

        sealed_stores.register(
            sealed_stores.Holder(
                "API tokens", sealed_tokens.usage, sealed_tokens.needed, sealed_tokens.VAULT
            )
        )
        sealed_stores.register(
            sealed_stores.Holder("panel keys", key_digest.usage, key_digest.needed)
        )
        projections.register(PROJECTION)
