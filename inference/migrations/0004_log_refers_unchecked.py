from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("inference", "0003_durable_requests"),
    ]

    operations = [
        migrations.AlterField(
            model_name="mlrequest",
            name="arm",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="requests",
                to="inference.arm",
            ),
        ),
        migrations.AlterField(
            model_name="mlrequest",
            name="parent_mlalgorithm",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="requests",
                to="inference.mlalgorithm",
            ),
        ),
    ]
