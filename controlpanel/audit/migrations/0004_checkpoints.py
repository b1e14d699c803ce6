from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0003_target_histories"),
    ]

    operations = [
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("statement", models.TextField()),
                ("key_id", models.CharField(max_length=40)),
                ("signature", models.CharField(max_length=128)),
            ],
        ),
        migrations.CreateModel(
            name="CheckpointChain",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "chain",
                        "checkpoint",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("chain", models.CharField(max_length=40)),
                ("checkpoint", models.BigIntegerField()),
                ("seq", models.BigIntegerField()),
                ("hash", models.CharField(max_length=64)),
                ("targets", models.BigIntegerField()),
                ("targets_root", models.CharField(max_length=64)),
                ("secret", models.CharField(max_length=64)),
                ("leaf", models.CharField(max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name="SigningKey",
            fields=[
                ("key_id", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("public", models.CharField(max_length=64)),
            ],
        ),
    ]
