from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("inference", "0007_modes_and_metrics"),
    ]

    operations = [
        migrations.AddField(
            model_name="exposure",
            name="first",
            field=models.BigIntegerField(
                help_text="The prediction that the subject came with.", null=True
            ),
        ),
        *[
            migrations.AddField(
                model_name="exposure",
                name=name,
                field=models.BooleanField(
                    db_default=False, default=False, help_text="In a canary."
                ),
            )
            for name in ("failing", "lagging")
        ],
        *[
            migrations.AddField(
                model_name="armtally",
                name=name,
                field=models.BigIntegerField(db_default=0, default=0, help_text=said),
            )
            for name, said in (
                ("failing", "Units of a canary that a prediction failed for."),
                ("lagging", "Units of a canary that one was too slow for."),
            )
        ],
    ]
