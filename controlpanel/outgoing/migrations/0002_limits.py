from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("outgoing", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Limit",
            fields=[
                ("key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("times", models.JSONField(default=list)),
                ("until", models.DateTimeField(db_index=True)),
            ],
        ),
    ]
