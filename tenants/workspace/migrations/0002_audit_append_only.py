"""Audit entries are appended and never changed; only dropping the whole schema removes them."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("workspace", "0001_initial"), ("tenants", "0003_refuse_change")]

    operations = [
        migrations.RunSQL(
            """
            CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON workspace_auditentry
            FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
            CREATE TRIGGER append_only_all BEFORE TRUNCATE ON workspace_auditentry
            FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
            """,
            """
            DROP TRIGGER append_only ON workspace_auditentry;
            DROP TRIGGER append_only_all ON workspace_auditentry;
            """,
        )
    ]
