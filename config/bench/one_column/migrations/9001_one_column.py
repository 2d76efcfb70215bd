from pathlib import Path

from django.db import migrations, models

from analytics import migrations as real

LAST = max(path.stem for path in Path(real.__path__[0]).glob("0*.py"))


class Migration(migrations.Migration):
    dependencies = [("analytics", LAST)]
    operations = [
        migrations.AddField("dailyfigure", "bench", models.CharField(max_length=8, db_default=""))
    ]
