from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Not in a transaction: takes Django's own way too."""

    atomic = False
    dependencies = [("analytics", "0103_rename_constraint")]
    operations = [
        AddIndexConcurrently("dailyfigure", models.Index(fields=["unit"], name="figure_unit"))
    ]
