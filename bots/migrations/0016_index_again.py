"""Every shop's index is written anew with the rules of this release (bots.retrieval.index.FORMAT).

To be copied whenever that number rises. Workers do it after the release; what has not changed is
left as it is.
"""

from django.db import migrations

INDEX_AGAIN = """
INSERT INTO public.tenants_due (schema, kind, object_id)
SELECT current_schema(), kind, 0 FROM unnest(ARRAY['index_articles', 'index_products']) AS kind
WHERE EXISTS (SELECT FROM bots_passage)
ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("bots", "0015_attachment_of_file")]

    operations = [migrations.RunSQL(INDEX_AGAIN, migrations.RunSQL.noop)]
