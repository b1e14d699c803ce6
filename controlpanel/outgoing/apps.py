from django.apps import AppConfig


class OutgoingConfig(AppConfig):
    name = "controlpanel.outgoing"

    def ready(self) -> None:
        from controlpanel.keys import holders
        from controlpanel.outgoing import channels, mail, sealed_bodies

        channels.register(mail.CHANNEL)
        holders.register(
            holders.Holder(
                "outgoing messages",
                sealed_bodies.usage,
                sealed_bodies.needed,
                sealed_bodies.VAULT,
            )
        )
