from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("bots", "0012_person_words")]

    operations = [
        migrations.CreateModel(
            name="Imported",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("source", models.CharField(max_length=160)),
                ("kind", models.CharField(max_length=16)),
                ("external_id", models.CharField(max_length=120)),
                ("object_id", models.BigIntegerField()),
                ("seen_in", models.BigIntegerField(default=0)),
            ],
            options={
                "verbose_name": "imported object",
                "verbose_name_plural": "imported objects",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("source", "kind", "external_id"), name="imported_once"
                    )
                ],
            },
        )
    ]
