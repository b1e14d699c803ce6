from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("operations", "0005_sightings"),)

    operations = (
        migrations.AddField(
            model_name="operation",
            name="form_content",
            field=models.CharField(blank=True, default="", max_length=110),
        ),
    )
