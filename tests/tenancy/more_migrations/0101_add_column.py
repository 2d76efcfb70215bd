from django.db import migrations, models


class Migration(migrations.Migration):
    """Plain SQL, as nearly all are."""

    dependencies = [("analytics", "0001_initial")]
    operations = [
        migrations.AddField("dailyfigure", "unit", models.CharField(max_length=8, db_default="")),
        migrations.AddConstraint(
            "dailyfigure",
            models.CheckConstraint(condition=models.Q(value__gte=-10), name="value_not_tiny"),
        ),
        migrations.CreateModel(
            "Note",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("text", models.TextField(default="")),
                ("figure", models.ForeignKey("analytics.DailyFigure", models.CASCADE)),
            ],
        ),
    ]
