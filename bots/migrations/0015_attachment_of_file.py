from django.db import migrations, models


class Migration(migrations.Migration):
    """Alone in its transaction: a merchant's attachments are read once, in well under a second."""

    dependencies = [("bots", "0014_later_in_full")]

    operations = [
        migrations.AddIndex(
            "attachment",
            models.Index(
                fields=["file"],
                name="attachment_of_file",
                condition=models.Q(file__isnull=False),
            ),
        ),
    ]
