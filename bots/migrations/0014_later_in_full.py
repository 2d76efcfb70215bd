from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("bots", "0013_imported")]

    operations = [
        migrations.AddField(
            "latermessage",
            "original",
            models.JSONField(blank=True, db_default={}, default=dict),
        ),
        migrations.AddField(
            "latermessage",
            "cards",
            models.JSONField(blank=True, db_default=[], default=list),
        ),
    ]
