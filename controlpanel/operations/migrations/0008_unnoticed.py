from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("operations", "0007_noticed"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="operation",
            index=models.Index(
                condition=models.Q(
                    ("noticed_at__isnull", True), ("state__in", ("failed", "not_seen"))
                ),
                fields=["account", "provider_id"],
                name="operation_unnoticed",
            ),
        ),
    ]
