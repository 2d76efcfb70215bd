from django.db import migrations

# Few cards have a name of their own; the others are not worth an entry.
WORDS = """
CREATE INDEX person_words ON bots_person USING gin (to_tsvector('simple'::regconfig,
    translate(name, 'ёЁ-+/_.,:@#<>&', 'ее            '))) WHERE name <> ''
"""


class Migration(migrations.Migration):
    dependencies = [("bots", "0011_notices_and_visits")]

    operations = [
        migrations.RunSQL("DROP INDEX person_words", migrations.RunSQL.noop),
        migrations.RunSQL(WORDS, "DROP INDEX person_words"),
    ]
