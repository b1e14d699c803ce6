from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0008_search")]

    operations = [
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["chain", "request_id", "-seq"], name="audit_by_request"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["chain", "result", "-seq"], name="audit_by_result"),
        ),
    ]
