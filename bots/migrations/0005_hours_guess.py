"""Hours we gave a new merchant are marked as our guess, where it never saved any itself."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("bots", "0004_knowledge_index"), ("workspace", "0002_audit_append_only")]

    operations = [
        migrations.AddField(
            model_name="openinghours",
            name="is_guess",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.RunSQL(
            """
            UPDATE bots_openinghours SET is_guess = true
            WHERE (SELECT count(*) FROM bots_openinghours WHERE opens = '10:00'
                   AND closes = '20:00') = 7
              AND (SELECT count(*) FROM bots_openinghours) = 7
              AND NOT EXISTS (SELECT 1 FROM workspace_auditentry WHERE action = 'hours.changed')
            """,
            migrations.RunSQL.noop,
        ),
    ]
