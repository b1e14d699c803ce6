from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("keys", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="keycheck",
            name="last_needed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="keycheck",
            name="retired_at",
            field=models.DateTimeField(null=True),
        ),
    ]
