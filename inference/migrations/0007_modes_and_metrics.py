from __future__ import annotations

import django.db.models.deletion
import django.utils.timezone
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def name_metrics(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Tests of regressors were judged by the absolute error before there was a choice."""
    measured = apps.get_model("inference", "MLAlgorithm").objects.values_list("pk", "schema")
    regressors = {
        pk for pk, schema in measured if schema.get("target", {}).get("task") == "regression"
    }
    arms = apps.get_model("inference", "Arm").objects.values_list("abtest_id", "algorithm_id")
    tests = {test for test, algorithm in arms if algorithm in regressors}
    found = apps.get_model("inference", "ABTest").objects.filter(pk__in=tests)
    found.update(metric="absolute_error")


class Migration(migrations.Migration):
    dependencies = [
        ("inference", "0006_difference"),
    ]

    operations = [
        migrations.AddField(
            model_name="abtest",
            name="guardrails",
            field=models.JSONField(blank=True, default=dict, help_text="What a canary may not do."),
        ),
        migrations.AddField(
            model_name="abtest",
            name="high",
            field=models.FloatField(
                blank=True, help_text="Rewards and errors above this count as this.", null=True
            ),
        ),
        migrations.AddField(
            model_name="abtest",
            name="low",
            field=models.FloatField(
                blank=True, help_text="Rewards below this count as this.", null=True
            ),
        ),
        migrations.AddField(
            model_name="abtest",
            name="maximum",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Labels of all arms at which it may stop by itself.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="abtest",
            name="metric",
            field=models.CharField(
                choices=[
                    ("correctness", "correctness"),
                    ("reward", "reward"),
                    ("brier", "brier"),
                    ("log_loss", "log_loss"),
                    ("absolute_error", "absolute_error"),
                    ("squared_error", "squared_error"),
                ],
                default="correctness",
                help_text="What a label says about a prediction: what the test decides by.",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="abtest",
            name="minimum",
            field=models.PositiveIntegerField(
                default=0, help_text="Labels of each arm before which nothing is concluded."
            ),
        ),
        migrations.AddField(
            model_name="abtest",
            name="mode",
            field=models.CharField(
                choices=[
                    ("split", "split"),
                    ("shadow", "shadow"),
                    ("canary", "canary"),
                    ("bandit", "bandit"),
                ],
                default="split",
                help_text="How the arms meet the traffic.",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="abtest",
            name="segment",
            field=models.CharField(
                blank=True,
                help_text="The field of a row by which labels are split.",
                max_length=128,
            ),
        ),
        migrations.AddField(
            model_name="abtest",
            name="step",
            field=models.PositiveSmallIntegerField(
                default=0, help_text="Where a canary stands on its ramp; counts from 0."
            ),
        ),
        migrations.AddField(
            model_name="abtest",
            name="step_at",
            field=models.DateTimeField(
                blank=True, editable=False, help_text="When it got there.", null=True
            ),
        ),
        migrations.AddField(
            model_name="abtest",
            name="stops_on",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="What stops it by itself: winner, futility, maximum.",
            ),
        ),
        migrations.AddField(
            model_name="armtally",
            name="ahead",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="armtally",
            name="answers",
            field=models.JSONField(
                blank=True, db_default={}, default=dict, help_text="How often it gave which answer."
            ),
        ),
        migrations.AddField(
            model_name="armtally",
            name="behind",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="armtally",
            name="gap",
            field=models.FloatField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="armtally",
            name="gap_squares",
            field=models.FloatField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="armtally",
            name="slow",
            field=models.BigIntegerField(
                db_default=0, default=0, help_text="Predictions slower than the guardrail allows."
            ),
        ),
        migrations.AddField(
            model_name="armtally",
            name="squares",
            field=models.FloatField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="armtally",
            name="total",
            field=models.FloatField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name="armtally",
            name="absolute_error",
            field=models.FloatField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name="armtally",
            name="correct",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name="armtally",
            name="errors",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name="armtally",
            name="exposures",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name="armtally",
            name="labelled",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name="armtally",
            name="squared_error",
            field=models.FloatField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name="armtally",
            name="subjects",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.CreateModel(
            name="Decision",
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
                ("what", models.CharField(max_length=32)),
                ("why", models.CharField(blank=True, max_length=1000)),
                (
                    "evidence",
                    models.JSONField(
                        default=dict, help_text="The snapshot of the test at that moment."
                    ),
                ),
                (
                    "abtest",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="decisions",
                        to="inference.abtest",
                    ),
                ),
            ],
            options={
                "ordering": ("id",),
            },
        ),
        migrations.CreateModel(
            name="ShadowPrediction",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "prediction",
                        "arm_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "prediction",
                    models.BigIntegerField(help_text="The id of what the champion answered."),
                ),
                ("full_response", models.TextField()),
                ("response", models.TextField()),
                ("error_code", models.CharField(blank=True, max_length=64)),
                ("latency_us", models.BigIntegerField(default=0)),
                (
                    "arm",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="inference.arm",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Point",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("phase", models.PositiveIntegerField()),
                (
                    "labelled",
                    models.BigIntegerField(help_text="Of all arms together, at that moment."),
                ),
                (
                    "made_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("values", models.JSONField(default=dict)),
                (
                    "abtest",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="points",
                        to="inference.abtest",
                    ),
                ),
            ],
            options={
                "ordering": ("abtest_id", "phase", "labelled"),
                "constraints": [
                    models.UniqueConstraint(fields=("abtest", "phase", "labelled"), name="point")
                ],
            },
        ),
        migrations.CreateModel(
            name="SegmentTally",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("labelled", models.BigIntegerField(db_default=0, default=0)),
                ("correct", models.BigIntegerField(db_default=0, default=0)),
                ("absolute_error", models.FloatField(db_default=0, default=0)),
                ("squared_error", models.FloatField(db_default=0, default=0)),
                ("total", models.FloatField(db_default=0, default=0)),
                ("squares", models.FloatField(db_default=0, default=0)),
                ("ahead", models.BigIntegerField(db_default=0, default=0)),
                ("behind", models.BigIntegerField(db_default=0, default=0)),
                ("gap", models.FloatField(db_default=0, default=0)),
                ("gap_squares", models.FloatField(db_default=0, default=0)),
                ("segment", models.CharField(max_length=64)),
                (
                    "arm",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="segments",
                        to="inference.arm",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "segment tallies",
                "constraints": [
                    models.UniqueConstraint(fields=("arm", "segment"), name="segment_of_arm")
                ],
            },
        ),
        migrations.RunPython(name_metrics, migrations.RunPython.noop),
    ]
