"""Channels connected before there was `watch` were looked after only once they were saved again.

One row each, spread over the interval a channel is looked at; those that have theirs keep it.
"""

from django.db import migrations

WATCHED = """
INSERT INTO public.tenants_due (schema, kind, object_id, due_at)
SELECT current_schema(), 'watch', id, now() + random() * interval '5 minutes' FROM bots_channel
WHERE account ->> 'mode' = 'webhook' AND state IN ('live', 'broken')
ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("bots", "0017_team_cards")]

    operations = [migrations.RunSQL(WATCHED, migrations.RunSQL.noop)]
