from django.db import migrations, models


class Migration(migrations.Migration):
    """Events from before stay as they are: format 1, in no target's history (0 and "")."""

    dependencies = [
        ("audit", "0002_people"),
    ]

    operations = [
        migrations.AddField(
            model_name="auditevent",
            name="target_seq",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="auditevent",
            name="target_prev",
            field=models.CharField(default="", max_length=64),
        ),
        migrations.CreateModel(
            name="TargetHead",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "chain",
                        "kind",
                        "target",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("chain", models.CharField(max_length=40)),
                ("kind", models.CharField(max_length=32)),
                ("target", models.CharField(max_length=64)),
                ("seq", models.BigIntegerField()),
                ("hash", models.CharField(max_length=64)),
                ("mac_key_id", models.CharField(max_length=40)),
                ("mac", models.CharField(max_length=64)),
            ],
        ),
    ]
