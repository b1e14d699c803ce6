from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "controlpanel.accounts"

    def ready(self) -> None:
        from controlpanel.accounts import selectors
        from controlpanel.accounts.projections import PROJECTIONS
        from controlpanel.accounts.signin import (
            sealed_factors,
            signals,  # noqa: F401 signals connect
        )
        from controlpanel.accounts.signin.last_seen import tolerate
        from controlpanel.audit.tables import projections
        from controlpanel.keys import sealed_stores

        tolerate()
        for one in PROJECTIONS:
            projections.register(one)
        sealed_stores.register(sealed_stores.Holder("VPS.org accounts", selectors.identity_keys))
        sealed_stores.register(
            sealed_stores.Holder(
                "second factors", sealed_factors.usage, sealed_factors.needed, sealed_factors.VAULT
            )
        )
