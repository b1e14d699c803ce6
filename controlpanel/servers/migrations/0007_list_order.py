from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("servers", "0006_natural_order"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="server",
            index=models.Index(
                condition=models.Q(("gone_at__isnull", True)),
                fields=["account", "name_order", "name", "provider_id"],
                name="server_account_order",
            ),
        ),
    ]
