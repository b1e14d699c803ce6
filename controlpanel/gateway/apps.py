from django.apps import AppConfig


class GatewayConfig(AppConfig):
    name = "controlpanel.gateway"

    def ready(self) -> None:
        from controlpanel.audit.verification import other_checks
        from controlpanel.gateway import counts_check  # needs the models

        other_checks.register(counts_check.check)
