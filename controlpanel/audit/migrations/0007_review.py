from django.db import migrations, models

import controlpanel.lib.clock


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0006_exports"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditVisit",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "chain",
                        "user_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("chain", models.CharField(max_length=40)),
                ("user_id", models.UUIDField()),
                ("began_at", models.DateTimeField()),
                ("before_seq", models.BigIntegerField(null=True)),
                ("shown_seq", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="RefusalDay",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "chain",
                        "day",
                        "target_id",
                        "labels_key",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("chain", models.CharField(max_length=40)),
                ("day", models.DateField()),
                ("target_kind", models.CharField(max_length=32)),
                ("target_id", models.CharField(max_length=64)),
                ("labels_key", models.CharField(max_length=16)),
                ("labels", models.TextField(blank=True, default="")),
                ("count", models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="ReviewCursor",
            fields=[
                ("chain", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("seq", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="SeenAddress",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "chain",
                        "subject",
                        "address",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("chain", models.CharField(max_length=40)),
                ("subject", models.CharField(max_length=96)),
                ("address", models.CharField(max_length=45)),
                ("seq", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="ReviewItem",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("chain", models.CharField(max_length=40)),
                ("seq", models.BigIntegerField()),
                ("rule", models.CharField(max_length=24)),
                ("at", models.DateTimeField()),
                ("opened_at", models.DateTimeField(default=controlpanel.lib.clock.now)),
                ("actor_id", models.CharField(max_length=64)),
                ("target_kind", models.CharField(max_length=32)),
                ("target_id", models.CharField(max_length=64)),
                ("labels", models.TextField(blank=True, default="")),
                ("count", models.PositiveIntegerField(default=1)),
                ("last_seq", models.BigIntegerField()),
                ("last_at", models.DateTimeField()),
                ("signed_at", models.DateTimeField(null=True)),
                ("signed_by_id", models.CharField(blank=True, max_length=64)),
                ("signed_by_name", models.CharField(blank=True, max_length=254)),
                ("note", models.CharField(blank=True, max_length=500)),
                ("signed_seq", models.BigIntegerField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("signed_at", None)),
                        fields=["chain", "seq"],
                        name="review_waiting",
                    ),
                    models.Index(
                        condition=models.Q(("signed_at", None)),
                        fields=["chain", "rule", "seq"],
                        name="review_waiting_by_rule",
                    ),
                    models.Index(
                        fields=["chain", "rule", "actor_id", "-seq"], name="review_by_actor"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("chain", "seq", "rule"), name="review_item_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ReviewRules",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("chain", models.CharField(max_length=40)),
                ("from_seq", models.BigIntegerField()),
                ("settings", models.JSONField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("chain", "from_seq"), name="review_rules_once")
                ],
            },
        ),
    ]
