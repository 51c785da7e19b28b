from __future__ import annotations

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("inference", "0008_steward"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                (
                    "id",
                    models.BigIntegerField(
                        help_text="Counts from 1, without gaps.", primary_key=True, serialize=False
                    ),
                ),
                ("made_at", models.DateTimeField(editable=False)),
                ("made_by", models.CharField(max_length=128)),
                ("what", models.CharField(max_length=32)),
                ("endpoint", models.CharField(blank=True, max_length=128)),
                (
                    "algorithm",
                    models.BigIntegerField(help_text="Its id; the row may be gone.", null=True),
                ),
                (
                    "abtest",
                    models.BigIntegerField(help_text="The test that it belongs to.", null=True),
                ),
                ("before", models.CharField(blank=True, max_length=128)),
                ("after", models.CharField(blank=True, max_length=128)),
                ("why", models.CharField(blank=True, max_length=1000)),
                (
                    "evidence",
                    models.JSONField(blank=True, default=dict, help_text="What was known then."),
                ),
                (
                    "previous",
                    models.CharField(help_text="The hash of the row before this.", max_length=64),
                ),
                (
                    "hash",
                    models.CharField(
                        help_text="sha256 over all of this row but itself.", max_length=64
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "audit entries",
                "ordering": ("id",),
            },
        ),
        migrations.AlterField(
            model_name="mlalgorithm",
            name="current_status",
            field=models.CharField(
                choices=[
                    ("registered", "registered"),
                    ("testing", "testing"),
                    ("staging", "staging"),
                    ("ab_testing", "ab_testing"),
                    ("shadow", "shadow"),
                    ("canary", "canary"),
                    ("production", "production"),
                    ("retired", "retired"),
                    ("rejected", "rejected"),
                    ("rolled_back", "rolled_back"),
                ],
                db_index=True,
                default="registered",
                max_length=32,
            ),
        ),
        migrations.AddField(
            model_name="mlalgorithm",
            name="isolated",
            field=models.BooleanField(
                default=False, help_text="Whether it runs in a process of its own."
            ),
        ),
        migrations.AddField(
            model_name="mlalgorithm",
            name="lineage",
            field=models.JSONField(
                blank=True, default=dict, help_text="What it was made from, and with what."
            ),
        ),
        migrations.AddField(
            model_name="mlalgorithm",
            name="parent",
            field=models.ForeignKey(
                blank=True,
                help_text="The one in production when it was trained to take its place.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="inference.mlalgorithm",
            ),
        ),
        migrations.AddField(
            model_name="mlalgorithm",
            name="reference",
            field=models.JSONField(
                blank=True, default=dict, help_text="How the rows and answers of its training lay."
            ),
        ),
        migrations.CreateModel(
            name="Evaluation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "made_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("made_by", models.CharField(max_length=128)),
                ("blessed", models.BooleanField(help_text="Whether it may be promoted.")),
                (
                    "reasons",
                    models.JSONField(
                        blank=True, default=list, help_text="Why, or why not; sentences."
                    ),
                ),
                ("report", models.JSONField(blank=True, default=dict)),
                (
                    "data_sha256",
                    models.CharField(blank=True, help_text="Of the held-out rows.", max_length=64),
                ),
                (
                    "algorithm",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="evaluations",
                        to="inference.mlalgorithm",
                    ),
                ),
                (
                    "baseline",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="inference.mlalgorithm",
                    ),
                ),
            ],
            options={
                "ordering": ("id",),
            },
        ),
        migrations.CreateModel(
            name="MonitorEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "made_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("kind", models.CharField(max_length=32)),
                (
                    "subject",
                    models.CharField(blank=True, help_text="Which column, say.", max_length=128),
                ),
                ("value", models.FloatField(blank=True, null=True)),
                ("text", models.CharField(max_length=1000)),
                (
                    "over",
                    models.BooleanField(
                        default=False, help_text="Whether it says that it has ended."
                    ),
                ),
                (
                    "number",
                    models.PositiveIntegerField(
                        blank=True,
                        editable=False,
                        help_text="Counts those of its algorithm, kind and subject.",
                        null=True,
                    ),
                ),
                (
                    "algorithm",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="events",
                        to="inference.mlalgorithm",
                    ),
                ),
                (
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="events",
                        to="inference.endpoint",
                    ),
                ),
            ],
            options={
                "ordering": ("id",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("algorithm", "kind", "subject", "number"),
                        name="monitor_event_number",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Alias",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=64)),
                (
                    "moved_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("moved_by", models.CharField(max_length=128)),
                (
                    "algorithm",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="aliases",
                        to="inference.mlalgorithm",
                    ),
                ),
                (
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="aliases",
                        to="inference.endpoint",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "aliases",
                "ordering": ("id",),
                "constraints": [
                    models.UniqueConstraint(fields=("endpoint", "name"), name="alias_of_endpoint")
                ],
            },
        ),
        migrations.CreateModel(
            name="DriftCount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("window", models.DateTimeField(help_text="When it began.")),
                ("shard", models.CharField(max_length=64)),
                ("rows", models.BigIntegerField(default=0)),
                ("counts", models.JSONField(default=dict)),
                (
                    "algorithm",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="inference.mlalgorithm",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("algorithm", "window", "shard"), name="drift_count_shard"
                    )
                ],
            },
        ),
    ]
