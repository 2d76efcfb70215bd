from django.db import migrations, models


class Migration(migrations.Migration):
    """SQL again, on names Django looks up in the catalogue."""

    dependencies = [("analytics", "0102_fill_it")]
    operations = [
        migrations.RemoveConstraint("dailyfigure", "value_not_tiny"),
        migrations.AlterField("note", "text", models.TextField(default="", db_index=True)),
        migrations.AlterField(
            "note", "figure", models.ForeignKey("analytics.DailyFigure", models.SET_NULL, null=True)
        ),
    ]
