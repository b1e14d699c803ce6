from django.db import migrations, models
from django.db.models import F


def notice_what_ended_before(apps, _schema_editor):
    """Nobody is told now of what failed before rows said so."""
    operations = apps.get_model("operations", "Operation").objects
    operations.filter(state__in=["failed", "not_seen"]).update(noticed_at=F("ended_at"))


class Migration(migrations.Migration):
    dependencies = [
        ("operations", "0006_form_content"),
    ]

    operations = [
        migrations.AddField(
            model_name="operation",
            name="noticed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.RunPython(notice_what_ended_before, migrations.RunPython.noop),
    ]
