from __future__ import annotations

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("prefix", models.CharField(max_length=16, unique=True)),
                ("hashed", models.CharField(max_length=128)),
                ("name", models.CharField(max_length=128)),
                ("scopes", models.JSONField(default=list)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "API key",
                "ordering": ("id",),
            },
        ),
        migrations.CreateModel(
            name="Endpoint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=128, unique=True)),
                ("owner", models.CharField(max_length=128)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                (
                    "log_mode",
                    models.CharField(
                        choices=[("strict", "strict"), ("fast", "fast"), ("off", "off")],
                        default="strict",
                        help_text="strict: log, then answer. fast: answer, then log. off: no log.",
                        max_length=8,
                    ),
                ),
            ],
            options={
                "ordering": ("id",),
            },
        ),
        migrations.CreateModel(
            name="IdBlock",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=32, unique=True)),
                ("next", models.BigIntegerField(default=1)),
            ],
        ),
        migrations.CreateModel(
            name="RegistryState",
            fields=[
                (
                    "id",
                    models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False),
                ),
                ("version", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="ABTest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("title", models.TextField(max_length=10000)),
                ("created_by", models.CharField(max_length=128)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("ended_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("ended_by", models.CharField(blank=True, max_length=128)),
                ("summary", models.TextField(blank=True, max_length=10000, null=True)),
                (
                    "salt",
                    models.CharField(help_text="What a subject is hashed with.", max_length=64),
                ),
                (
                    "rule",
                    models.CharField(
                        choices=[
                            ("accuracy", "accuracy"),
                            ("evidence", "evidence"),
                            ("none", "none"),
                        ],
                        default="accuracy",
                        help_text="Who is promoted at a stop: the best, a proven winner, nobody.",
                        max_length=16,
                    ),
                ),
                ("alpha", models.FloatField(default=0.05)),
                ("horizon", models.PositiveIntegerField(default=5000)),
                ("evidence", models.JSONField(blank=True, null=True)),
                ("outcome", models.CharField(blank=True, max_length=32)),
                (
                    "running_slot",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(
                                models.Q(("ended_at__isnull", True)), then=models.F("endpoint")
                            )
                        ),
                        output_field=models.BigIntegerField(null=True),
                        unique=True,
                    ),
                ),
                (
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tests",
                        to="inference.endpoint",
                    ),
                ),
            ],
            options={
                "verbose_name": "A/B test",
                "ordering": ("id",),
            },
        ),
        migrations.CreateModel(
            name="MLAlgorithm",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=128)),
                ("description", models.CharField(blank=True, max_length=1000)),
                ("code", models.TextField(blank=True, max_length=50000)),
                ("version", models.CharField(max_length=128)),
                ("owner", models.CharField(max_length=128)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                (
                    "current_status",
                    models.CharField(
                        choices=[
                            ("registered", "registered"),
                            ("testing", "testing"),
                            ("staging", "staging"),
                            ("ab_testing", "ab_testing"),
                            ("production", "production"),
                            ("retired", "retired"),
                        ],
                        db_index=True,
                        default="registered",
                        max_length=32,
                    ),
                ),
                ("artefact_hash", models.CharField(max_length=64)),
                ("bundle", models.CharField(help_text="Where the bundle is kept.", max_length=255)),
                ("runtime", models.CharField(max_length=32)),
                ("schema", models.JSONField(default=dict)),
                ("report", models.JSONField(blank=True, default=dict)),
                ("metrics", models.JSONField(blank=True, default=dict)),
                (
                    "production_slot",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(
                                models.Q(("current_status", "production")),
                                then=models.F("parent_endpoint"),
                            )
                        ),
                        output_field=models.BigIntegerField(null=True),
                        unique=True,
                    ),
                ),
                (
                    "parent_endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="algorithms",
                        to="inference.endpoint",
                    ),
                ),
            ],
            options={
                "ordering": ("id",),
            },
        ),
        migrations.CreateModel(
            name="Arm",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(help_text="Counts from 1.")),
                ("weight", models.PositiveIntegerField(default=1)),
                ("status_before", models.CharField(max_length=32)),
                (
                    "abtest",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="arms",
                        to="inference.abtest",
                    ),
                ),
                (
                    "algorithm",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="arms",
                        to="inference.mlalgorithm",
                    ),
                ),
            ],
            options={
                "ordering": ("abtest_id", "position"),
            },
        ),
        migrations.CreateModel(
            name="MLAlgorithmStatus",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("status", models.CharField(max_length=128)),
                ("active", models.BooleanField(default=True)),
                ("created_by", models.CharField(max_length=128)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("reason", models.CharField(blank=True, max_length=1000)),
                (
                    "active_slot",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(
                                models.Q(("active", True)), then=models.F("parent_mlalgorithm")
                            )
                        ),
                        output_field=models.BigIntegerField(null=True),
                        unique=True,
                    ),
                ),
                (
                    "parent_mlalgorithm",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="status",
                        to="inference.mlalgorithm",
                    ),
                ),
            ],
            options={
                "verbose_name": "algorithm status",
                "verbose_name_plural": "algorithm statuses",
                "ordering": ("id",),
            },
        ),
        migrations.CreateModel(
            name="MLRequest",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("input_data", models.TextField()),
                ("full_response", models.TextField()),
                ("response", models.TextField()),
                ("feedback", models.TextField(blank=True, max_length=10000, null=True)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("subject", models.CharField(blank=True, max_length=255)),
                ("error_code", models.CharField(blank=True, max_length=64)),
                ("latency_us", models.BigIntegerField(default=0)),
                (
                    "arm",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="requests",
                        to="inference.arm",
                    ),
                ),
                (
                    "parent_mlalgorithm",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="requests",
                        to="inference.mlalgorithm",
                    ),
                ),
            ],
            options={
                "verbose_name": "prediction",
                "ordering": ("id",),
            },
        ),
        migrations.CreateModel(
            name="ArmTally",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("shard", models.CharField(max_length=64)),
                ("exposures", models.BigIntegerField(default=0)),
                ("errors", models.BigIntegerField(default=0)),
                ("labelled", models.BigIntegerField(default=0)),
                ("correct", models.BigIntegerField(default=0)),
                ("absolute_error", models.FloatField(default=0)),
                ("squared_error", models.FloatField(default=0)),
                ("latency", models.BinaryField(blank=True, default=bytes)),
                (
                    "arm",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tallies",
                        to="inference.arm",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "arm tallies",
                "constraints": [
                    models.UniqueConstraint(fields=("arm", "shard"), name="tally_shard")
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="mlalgorithm",
            constraint=models.UniqueConstraint(
                fields=("parent_endpoint", "name", "version", "artefact_hash"),
                name="algorithm_identity",
            ),
        ),
        migrations.AddConstraint(
            model_name="arm",
            constraint=models.UniqueConstraint(fields=("abtest", "position"), name="arm_position"),
        ),
        migrations.AddConstraint(
            model_name="arm",
            constraint=models.UniqueConstraint(
                fields=("abtest", "algorithm"), name="arm_algorithm"
            ),
        ),
        migrations.AddConstraint(
            model_name="arm",
            constraint=models.CheckConstraint(
                condition=models.Q(("weight__gte", 1)), name="arm_weight_at_least_one"
            ),
        ),
    ]
