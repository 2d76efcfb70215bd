from django.db import migrations


def fill(apps, schema_editor):
    figure = apps.get_model("analytics", "DailyFigure")
    figure.objects.create(day="2026-01-01", name="made-by-python", unit="pcs")


class Migration(migrations.Migration):
    """Python: takes Django's own way."""

    dependencies = [("analytics", "0101_add_column")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
