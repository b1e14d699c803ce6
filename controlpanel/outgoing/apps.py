from django.apps import AppConfig


class OutgoingConfig(AppConfig):
    name = "controlpanel.outgoing"

    def ready(self) -> None:
        from controlpanel.keys import sealed_stores
        from controlpanel.outgoing import channels, mail, sealed_bodies

        channels.register(mail.CHANNEL)
        sealed_stores.register(
            sealed_stores.Holder(
                "outgoing messages",
                sealed_bodies.usage,
                sealed_bodies.needed,
                sealed_bodies.VAULT,
            )
        )
