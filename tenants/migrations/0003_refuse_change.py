"""The function behind append-only tables; each schema's trigger calls this one."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tenants", "0002_schema_template")]

    operations = [
        migrations.RunSQL(
            """
            CREATE FUNCTION public.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
                    USING ERRCODE = 'insufficient_privilege';
            END $$;
            """,
            "DROP FUNCTION public.refuse_change();",
        )
    ]
