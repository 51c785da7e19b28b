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
    ]
