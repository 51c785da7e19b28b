from __future__ import annotations

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("inference", "0002_storedbundle"),
    ]

    operations = [
        migrations.CreateModel(
            name="Receipt",
            fields=[
                ("key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                (
                    "fingerprint",
                    models.CharField(help_text="Of what was asked for.", max_length=64),
                ),
                ("ids", models.JSONField(help_text="Pairs of a first id and how many follow.")),
                ("batch", models.BooleanField(default=False)),
                ("endpoint", models.CharField(max_length=128)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), db_index=True
                    ),
                ),
                (
                    "held_since",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        help_text="When a process last said that it was at it.",
                        null=True,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Outbox",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("last", models.BigIntegerField(help_text="The last of its ids.")),
                ("ids", models.JSONField(help_text="Pairs of a first id and how many follow.")),
                ("endpoint", models.CharField(max_length=128)),
                ("ask", models.JSONField(default=dict)),
                ("body", models.TextField()),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "due_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), db_index=True
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=1)),
                ("refusals", models.PositiveIntegerField(default=0)),
                (
                    "algorithm",
                    models.ForeignKey(
                        db_index=False,
                        help_text="Who was to answer when it was accepted.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="inference.mlalgorithm",
                    ),
                ),
            ],
            options={
                "verbose_name": "queued request",
                "ordering": ("id",),
            },
        ),
    ]
