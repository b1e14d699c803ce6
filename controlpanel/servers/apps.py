from django.apps import AppConfig


class ServersConfig(AppConfig):
    name = "controlpanel.servers"

    def ready(self) -> None:
        from controlpanel.audit.tables import projections
        from controlpanel.servers.projections import PROJECTION

        projections.register(PROJECTION)
