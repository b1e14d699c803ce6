from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "controlpanel.accounts"

    def ready(self) -> None:
        from controlpanel.accounts import (
            sealing,
            selectors,
            signals,  # noqa: F401 signals connect
        )
        from controlpanel.accounts.last_seen import tolerate
        from controlpanel.accounts.projections import PROJECTIONS
        from controlpanel.audit import projections
        from controlpanel.keys import holders

        tolerate()
        for one in PROJECTIONS:
            projections.register(one)
        holders.register(holders.Holder("VPS.org accounts", selectors.identity_keys))
        holders.register(
            holders.Holder("second factors", sealing.usage, sealing.needed, sealing.VAULT)
        )
