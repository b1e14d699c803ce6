from django.db import migrations

import controlpanel.servers.natural_order
from controlpanel.servers.natural_order import natural_key

_BATCH = 1000


def order_what_is_there(apps, _schema_editor):
    servers = apps.get_model("servers", "Server").objects
    batch = []
    for server in servers.only("id", "name", "hostname", "provider_id").iterator(_BATCH):
        server.name_order = natural_key(server.name or server.hostname or server.provider_id)
        batch.append(server)
        if len(batch) == _BATCH:
            servers.bulk_update(batch, ["name_order"])
            batch = []
    if batch:
        servers.bulk_update(batch, ["name_order"])


class Migration(migrations.Migration):
    dependencies = [
        ("servers", "0005_trouble_status"),
    ]

    operations = [
        migrations.AddField(
            model_name="server",
            name="name_order",
            field=controlpanel.servers.natural_order.NaturalOrderField(default=b""),
        ),
        migrations.RunPython(order_what_is_there, migrations.RunPython.noop),
    ]
