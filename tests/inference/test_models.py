from __future__ import annotations

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.db.models import UniqueConstraint
from django.utils import timezone

from inference import models
from inference.core.lifecycle import Status
from inference.core.tally import Tally
from inference.models import ABTest, Arm, ArmTally, Endpoint, MLAlgorithm, MLAlgorithmStatus
from tests.inference import registered

pytestmark = pytest.mark.django_db


def refused_by_the_database() -> pytest.RaisesExc[IntegrityError]:
    return pytest.raises(IntegrityError)


def test_the_database_refuses_a_second_algorithm_in_production() -> None:
    registered.pair()

    with refused_by_the_database():
        MLAlgorithm.objects.update(current_status="production")


def test_each_endpoint_has_its_own_place_in_production() -> None:
    registered.pair(endpoint="income")
    registered.pair(endpoint="digits")

    in_production = MLAlgorithm.objects.filter(current_status="production")
    assert in_production.count() == 2


def test_the_database_refuses_a_second_active_status() -> None:
    algorithm = registered.algorithm()

    with refused_by_the_database():
        algorithm.status.create(status="staging", created_by="somebody")


def test_any_number_of_statuses_may_be_inactive() -> None:
    algorithm = registered.algorithm()
    algorithm.status.create(status="staging", created_by="somebody", active=False)
    algorithm.status.create(status="staging", created_by="somebody", active=False)

    assert algorithm.status.filter(active=True).count() == 1


def test_the_database_refuses_a_second_running_test_of_an_endpoint() -> None:
    first, second = registered.pair()
    test = registered.started([first, second])

    with refused_by_the_database():
        ABTest.objects.create(title="another", created_by="x", endpoint=test.endpoint, salt="s")


def test_ended_tests_do_not_stand_in_the_way() -> None:
    endpoint = Endpoint.objects.create(name="income", owner="tests")
    for _ in range(2):
        ABTest.objects.create(
            title="old", created_by="x", endpoint=endpoint, salt="s", ended_at=timezone.now()
        )

    assert endpoint.tests.count() == 2


def test_the_database_refuses_the_same_algorithm_under_the_same_name_and_version_twice() -> None:
    algorithm = registered.algorithm()
    algorithm.pk = None
    algorithm.current_status = Status.TESTING.value

    with refused_by_the_database():
        algorithm.save(force_insert=True)


def test_the_database_refuses_an_arm_without_weight_and_the_same_arm_twice() -> None:
    first, second = registered.pair()
    test = registered.started([first, second])

    with refused_by_the_database(), transaction.atomic():
        Arm.objects.filter(abtest=test).update(weight=0)
    with refused_by_the_database():
        test.arms.create(position=3, algorithm=first, status_before="testing")


def test_no_constraint_is_a_conditional_index() -> None:
    """MariaDB would leave it out without a word."""
    models = apps.get_app_config("inference").get_models()
    constraints = [constraint for model in models for constraint in model._meta.constraints]

    assert constraints
    assert not [
        each for each in constraints if isinstance(each, UniqueConstraint) and each.condition
    ]


def test_a_tally_is_the_sum_over_its_shards() -> None:
    first, second = registered.pair()
    arm = registered.started([first, second]).arms.get(position=1)
    ArmTally.objects.create(arm=arm, shard="a", exposures=5, errors=1, absolute_error=0.5)
    ArmTally.objects.create(arm=arm, shard="b", exposures=2, labelled=2, correct=1)

    assert ArmTally.objects.all().by_arm() == {
        arm.pk: Tally(
            exposures=7, errors=1, labelled=2, correct=1, absolute_error=0.5, squared_error=0.0
        )
    }


def test_an_arm_that_nobody_was_counted_for_has_zeros() -> None:
    first, second = registered.pair()
    test = registered.started([first, second], weights=[3, 1])

    assert [(arm.name, arm.weight, arm.tally) for arm in models.measured(test)] == [
        ("forest 0.0.1", 3, Tally()),
        ("trees 0.0.1", 1, Tally()),
    ]


def test_rows_say_what_they_are() -> None:
    algorithm = registered.algorithm()
    line = MLAlgorithmStatus.objects.filter(active=True).get()

    assert str(algorithm) == f"#{algorithm.pk} forest 0.0.1"
    assert str(line).startswith("testing since 20")
