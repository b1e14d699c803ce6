from django.apps import AppConfig


class CredentialsConfig(AppConfig):
    name = "controlpanel.credentials"

    def ready(self) -> None:
        from controlpanel.credentials import selectors
        from controlpanel.keys import startup

        startup.register_user("API tokens", selectors.sealing_key_ids)
