from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_team_lifecycle_and_policies"),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="wait_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="account",
            name="asked_again_at",
            field=models.DateTimeField(null=True),
        ),
    ]
