import logging

from django.db import DatabaseError, migrations, models, transaction

_log = logging.getLogger(__name__)


def make_index(_apps, schema_editor):
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                "CREATE VIRTUAL TABLE audit_search USING fts5("
                "text, content='audit_searchtext', content_rowid='id', tokenize='trigram')"
            )
            return
        try:
            with transaction.atomic(using=connection.alias):
                cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
                cursor.execute(
                    "CREATE INDEX audit_searchtext_words ON audit_searchtext "
                    "USING gin (text gin_trgm_ops)"
                )
        except DatabaseError as error:
            _log.warning(
                "Text searches of a long audit log will be slow: PostgreSQL's pg_trgm cannot be "
                "used (%s). docs/operating.md says how to add it later.",
                str(error).strip(),
            )


def drop_index(_apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("DROP TABLE audit_search")


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0007_review"),
    ]

    operations = [
        migrations.CreateModel(
            name="SearchText",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("chain", models.CharField(max_length=40)),
                ("seq", models.BigIntegerField()),
                ("text", models.TextField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("chain", "seq"), name="audit_searched_once")
                ],
            },
        ),
        migrations.RunPython(make_index, drop_index),
    ]
