import uuid

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0005_verification"),
    ]

    operations = [
        migrations.CreateModel(
            name="TailCursor",
            fields=[
                ("chain", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("seq", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="Export",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("team_id", models.UUIDField()),
                ("user_id", models.UUIDField()),
                ("form", models.CharField(max_length=10)),
                ("asked", models.JSONField()),
                ("query", models.TextField(blank=True, default="")),
                ("state", models.CharField(default="waiting", max_length=10)),
                ("problem", models.TextField(blank=True, default="")),
                ("asked_at", models.DateTimeField()),
                ("claimed_until", models.DateTimeField(null=True)),
                ("attempt", models.IntegerField(default=0)),
                ("percent", models.IntegerField(default=0)),
                ("reach", models.JSONField(default=dict)),
                ("count", models.BigIntegerField(default=0)),
                ("first", models.BigIntegerField(default=0)),
                ("last", models.BigIntegerField(default=0)),
                ("bytes", models.BigIntegerField(default=0)),
                ("sha256", models.CharField(blank=True, default="", max_length=64)),
                ("expires_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["state", "asked_at"], name="audit_export_queue")],
            },
        ),
    ]
