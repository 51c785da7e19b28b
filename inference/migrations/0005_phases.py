from __future__ import annotations

import django.db.models.deletion
import django.utils.timezone
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import F, Sum


def fill(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Every prediction was a unit of its own until now, and weights were the chance of an arm."""
    apps.get_model("inference", "ArmTally").objects.update(subjects=F("exposures"))
    arms = apps.get_model("inference", "Arm").objects
    totals = dict(arms.values_list("abtest_id").order_by("abtest_id").annotate(Sum("weight")))
    for arm in arms.all():
        arms.filter(pk=arm.pk).update(propensity=arm.weight / totals[arm.abtest_id])


class Migration(migrations.Migration):
    dependencies = [
        ("inference", "0004_log_refers_unchecked"),
    ]

    operations = [
        migrations.AddField(
            model_name="abtest",
            name="coverage",
            field=models.FloatField(
                default=1.0,
                help_text="Share of the units that take part; it is only ever raised.",
            ),
        ),
        migrations.AddField(
            model_name="abtest",
            name="phase",
            field=models.PositiveIntegerField(
                default=1, help_text="Counts from 1; a re-weight ends one."
            ),
        ),
        migrations.AddField(
            model_name="abtest",
            name="pruned",
            field=models.BooleanField(
                default=False,
                help_text="Whether rows of it have left the log: it cannot be recounted.",
            ),
        ),
        migrations.AddField(
            model_name="arm",
            name="phase",
            field=models.PositiveIntegerField(default=1),
        ),
        migrations.AddField(
            model_name="arm",
            name="propensity",
            field=models.FloatField(
                default=0.0, help_text="The chance of a unit that takes part to get it; exact."
            ),
        ),
        migrations.AddField(
            model_name="armtally",
            name="subjects",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AlterModelOptions(
            name="arm",
            options={"ordering": ("abtest_id", "phase", "position")},
        ),
        # The new ones first: MariaDB does not let go of the last index of a foreign key.
        migrations.AddConstraint(
            model_name="arm",
            constraint=models.UniqueConstraint(
                fields=("abtest", "phase", "position"), name="arm_place"
            ),
        ),
        migrations.AddConstraint(
            model_name="arm",
            constraint=models.UniqueConstraint(
                fields=("abtest", "phase", "algorithm"), name="arm_of_phase"
            ),
        ),
        migrations.RemoveConstraint(
            model_name="arm",
            name="arm_position",
        ),
        migrations.RemoveConstraint(
            model_name="arm",
            name="arm_algorithm",
        ),
        migrations.CreateModel(
            name="Reweight",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "phase",
                    models.PositiveIntegerField(help_text="The one that began; it counts from 2."),
                ),
                (
                    "made_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("made_by", models.CharField(max_length=128)),
                (
                    "abtest",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="reweights",
                        to="inference.abtest",
                    ),
                ),
            ],
            options={
                "ordering": ("abtest_id", "phase"),
                "constraints": [
                    models.UniqueConstraint(fields=("abtest", "phase"), name="reweight_phase")
                ],
            },
        ),
        migrations.CreateModel(
            name="Roster",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("phase", models.PositiveIntegerField(help_text="The one that ended.")),
                ("piece", models.PositiveIntegerField(help_text="Counts from 0.")),
                ("data", models.BinaryField()),
                (
                    "abtest",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rosters",
                        to="inference.abtest",
                    ),
                ),
            ],
            options={
                "ordering": ("abtest_id", "phase", "piece"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("abtest", "phase", "piece"), name="roster_piece"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Exposure",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "abtest_id",
                        "phase",
                        "subject",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "abtest",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="exposures",
                        to="inference.abtest",
                    ),
                ),
                ("phase", models.PositiveIntegerField()),
                ("subject", models.BigIntegerField(help_text="See `assignment.subject_hash`.")),
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
                ("bucket", models.PositiveSmallIntegerField()),
                (
                    "propensity",
                    models.FloatField(help_text="Of the arm, when the subject came first."),
                ),
                (
                    "labelled",
                    models.BigIntegerField(
                        help_text="The prediction whose label counts for this subject.", null=True
                    ),
                ),
            ],
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
