"""A process serves what the database says, as of one version at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from channels.db import database_sync_to_async

from inference import models, registry
from inference.core.assignment import bucket
from inference.core.errors import BundleInvalid, ModelUnavailable, StorageUnavailable, WeirError
from inference.core.lifecycle import Status
from inference.core.routing import Experiment, Unit, Wanted
from inference.core.types import LogMode, Model
from inference.models import Arm
from inference.registry import Registry
from inference.services import experiments, keys, predictions
from inference.services import models as services
from tests.inference import registered
from tests.inference.gateways import Echo

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Loader:
    """Opens whatever it is given, unless told otherwise."""

    opened: list[int] = field(default_factory=list)
    retired: list[Model] = field(default_factory=list)
    fails: Callable[[models.MLAlgorithm], None] = lambda _: None

    def load(self, row: models.MLAlgorithm) -> Model:
        self.fails(row)
        self.opened.append(row.pk)
        return Echo(row.pk)

    async def retire(self, model: Model) -> None:
        self.retired.append(model)


@asynccontextmanager
async def running(loader: Loader) -> AsyncIterator[Registry]:
    """A registry that has looked once."""
    found = Registry(loader.load, loader.retire)
    task = asyncio.ensure_future(found.run())
    await found.looked()
    try:
        yield found
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def call(verb: Callable[..., Any], *values: Any, **named: Any) -> Any:
    """A service, as a view calls it: in a thread that is not the loop's."""
    return await database_sync_to_async(verb, thread_sensitive=False)(*values, **named)


async def test_an_empty_database_is_served_as_nothing() -> None:
    async with running(Loader()) as found:
        assert found.snapshot.ready
        assert found.snapshot.endpoints == {}


async def test_what_is_registered_is_served_by_status() -> None:
    first = await call(registered.algorithm, status=Status.PRODUCTION)
    second = await call(registered.algorithm, name="trees", status=Status.TESTING)
    async with running(Loader()) as found:
        endpoint = found.snapshot.endpoints["income"]
        assert [(a.id, a.status) for a in endpoint.algorithms] == [
            (first.pk, "production"),
            (second.pk, "testing"),
        ]
        assert endpoint.log_mode is LogMode.STRICT
        assert set(found.snapshot.served) == {first.pk, second.pk}


async def test_a_change_is_in_force_when_its_caller_returns() -> None:
    first = await call(registered.algorithm, status=Status.PRODUCTION)
    second = await call(registered.algorithm, name="trees", status=Status.TESTING)
    loader = Loader()
    async with running(loader) as found:
        await call(services.algorithm_set_status, second.pk, Status.PRODUCTION, by="ann")
        (endpoint,) = found.snapshot.endpoints.values()
        assert {a.id: a.status for a in endpoint.algorithms} == {
            first.pk: "testing",
            second.pk: "production",
        }
    assert loader.opened == [first.pk, second.pk]  # a status is no reason to load again
    assert loader.retired == []


async def test_a_test_that_was_started_splits_the_next_request() -> None:
    first = await call(registered.algorithm, status=Status.PRODUCTION)
    second = await call(registered.algorithm, name="trees", status=Status.TESTING)
    async with running(Loader()) as found:
        test = await call(experiments.start, "t", "ann", [(first, 1), (second, 3)])
        (endpoint,) = found.snapshot.endpoints.values()
        assert endpoint.experiment is not None
        assert endpoint.experiment.weights == (1, 3)
        await call(experiments.stop, test.pk, "ann")
        (endpoint,) = found.snapshot.endpoints.values()
        assert endpoint.experiment is None


def experiment_of(found: Registry) -> Experiment:
    (endpoint,) = found.snapshot.endpoints.values()
    assert endpoint.experiment is not None
    return endpoint.experiment


def seen(arm: Arm, *names: str) -> None:
    """Exposures of these subjects, from an id on that nobody has used."""
    start = 1 + models.MLRequest.objects.count()
    rows = [registered.row(i, arm.algorithm, arm, subject=n) for i, n in enumerate(names, start)]
    predictions.record(rows, "a")


def arms_of(test: models.ABTest) -> list[Arm]:
    """Of its present phase."""
    return list(test.arms.filter(phase=test.phase).select_related("algorithm"))


async def test_after_a_re_weight_whoever_was_seen_keeps_the_arm_in_every_process() -> None:
    first = await call(registered.algorithm, status=Status.PRODUCTION)
    second = await call(registered.algorithm, name="trees", status=Status.TESTING)
    async with running(Loader()) as found:
        test = await call(experiments.start, "t", "ann", [(first, 1), (second, 1)])
        one, other = await call(arms_of, test)
        await call(seen, one, "ann", "bob")
        await call(seen, other, "eve")
        test = await call(experiments.reweight, test.pk, [1, 9999], "ann")
        _, new = await call(arms_of, test)
        here = experiment_of(found)
        await call(seen, new, "joe")
        await call(experiments.reweight, test.pk, [9999, 1], "ann")
        later = experiment_of(found)
        async with running(Loader()) as started_later:
            there = experiment_of(started_later)

    names = {"ann": one.pk, "bob": one.pk, "eve": other.pk}
    for known, everybody in ((here, names), (later, names | {"joe": new.pk}), (there, names)):
        kept = {name: known.assign(Unit(name)) for name in everybody}
        assert {name: arm and arm.id for name, arm in kept.items()} == everybody
    assert (here.weights, len(here.kept), here.kept.through) == ((1, 9999), 3, 1)
    assert (later.weights, len(later.kept), later.kept.through) == ((9999, 1), 4, 2)
    assert [arm.id for arm in later.earlier] == [arm.id for arm in there.earlier]
    assert (later.kept.subjects == there.kept.subjects).all()
    assert (later.kept.places == there.kept.places).all()


async def test_who_is_written_down_after_the_re_weight_is_dealt_anew_everywhere() -> None:
    first = await call(registered.algorithm, status=Status.PRODUCTION)
    second = await call(registered.algorithm, name="trees", status=Status.TESTING)
    test = await call(experiments.start, "t", "ann", [(first, 1), (second, 1)])
    _, other = await call(arms_of, test)
    async with running(Loader()) as found:
        await call(experiments.reweight, test.pk, [1_000_000, 1], "ann")
        await call(seen, other, "late")
        async with running(Loader()) as started_later:
            both = [experiment_of(each).assign(Unit("late")) for each in (found, started_later)]

    assert both[0] is not None
    assert both[0] == both[1]
    assert both[0].algorithm.id == first.pk


async def test_a_list_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = await call(registered.algorithm, status=Status.PRODUCTION)
    second = await call(registered.algorithm, name="trees", status=Status.TESTING)
    async with running(Loader()) as found:
        test = await call(experiments.start, "t", "ann", [(first, 1), (second, 1)])
        one, _ = await call(arms_of, test)
        await call(seen, one, "ann")
        await call(experiments.reweight, test.pk, [1, 3], "ann")
        before = experiment_of(found).kept
        await call(experiments.widen, test.pk, 1.0, "ann")

        assert experiment_of(found).kept is before


@pytest.mark.parametrize("is_arm", [True, False])
async def test_whoever_takes_no_part_is_answered_by_what_was_in_production(is_arm: bool) -> None:
    forest = await call(registered.algorithm, status=Status.PRODUCTION)
    trees = await call(registered.algorithm, name="trees", status=Status.TESTING)
    third = await call(registered.algorithm, name="third", status=Status.TESTING)
    pair = [(trees, 1), (forest if is_arm else third, 1)]
    async with running(Loader()) as found:
        test = await call(experiments.start, "t", "ann", pair, coverage=0.0001)
        (endpoint,) = found.snapshot.endpoints.values()
        outside = next(n for n in map(str, count()) if bucket(test.salt, n) not in (0, 5000))
        algorithm, arm = endpoint.route(Wanted(), Unit(outside))
        assert (algorithm.id, arm) == (forest.pk, None)
        await call(experiments.widen, test.pk, 1.0, "ann")
        (endpoint,) = found.snapshot.endpoints.values()
        assert endpoint.route(Wanted(), Unit(outside))[1] is not None


async def test_a_retired_algorithm_drains() -> None:
    await call(registered.algorithm, status=Status.PRODUCTION)
    second = await call(registered.algorithm, name="trees", status=Status.TESTING)
    loader = Loader()
    async with running(loader) as found:
        await call(services.algorithm_set_status, second.pk, Status.RETIRED, by="ann")
        assert second.pk not in found.snapshot.served
        assert [model.key for model in loader.retired] == [second.pk]


@pytest.mark.parametrize("error", [BundleInvalid("bits were flipped"), ZeroDivisionError()])
async def test_a_model_that_does_not_load_changes_nothing_else(error: Exception) -> None:
    first = await call(registered.algorithm, status=Status.PRODUCTION)

    def fails(row: models.MLAlgorithm) -> None:
        if row.name == "broken":
            raise error

    loader = Loader(fails=fails)
    async with running(loader) as found:
        broken = await call(registered.algorithm, name="broken", status=Status.TESTING)
        await found.reconcile()
        assert found.snapshot.served[first.pk].model is not None
        assert found.snapshot.served[broken.pk].model is None
        assert found.snapshot.served[broken.pk].failure
        assert found.snapshot.ready


async def test_a_model_that_did_not_load_is_tried_again_at_the_next_change() -> None:
    broken = await call(registered.algorithm, status=Status.PRODUCTION)
    loader = Loader()
    loader.fails = lambda _: (_ for _ in ()).throw(BundleInvalid())
    async with running(loader) as found:
        assert found.snapshot.served[broken.pk].model is None
        loader.fails = lambda _: None
        await call(registered.algorithm, name="another", status=Status.TESTING)
        await found.reconcile()
        assert found.snapshot.served[broken.pk].model is not None


async def test_keys_come_and_go() -> None:
    async with running(Loader()) as found:
        _, text = await call(keys.key_create, "robot", ["predict"])
        prefix = text.partition(".")[0]
        assert found.snapshot.keys[prefix].scopes == {"predict"}
        await call(keys.key_revoke, prefix)
        assert prefix not in found.snapshot.keys


async def test_a_database_that_is_away_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    first = await call(registered.algorithm, status=Status.PRODUCTION)
    async with running(Loader()) as found:
        before = found.snapshot

        def away() -> int:
            raise OSError("no database")

        monkeypatch.setattr(registry, "_version", away)
        await call(registry.changed)
        assert found.snapshot is before
        assert first.pk in found.snapshot.served


def test_where_nothing_is_served_a_change_is_nobodys_business() -> None:
    registry.changed()


async def test_from_the_loop_itself_a_change_does_not_wait() -> None:
    await call(registered.algorithm, status=Status.PRODUCTION)
    async with running(Loader()) as found:
        await call(models.RegistryState.objects.update, version=10_000)
        registry.changed()  # would wait for itself for ever
        while found.snapshot.version != 10_000:  # noqa: ASYNC110  # it says nothing when it is done
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("error", [StorageUnavailable, ModelUnavailable])
async def test_what_cannot_be_fetched_or_asked_now_is_tried_again(
    error: type[WeirError], caplog: pytest.LogCaptureFixture
) -> None:
    row = await call(registered.algorithm, status=Status.PRODUCTION)
    loader = Loader()

    def away(_: models.MLAlgorithm) -> None:
        raise error("It does not answer.")

    loader.fails = away
    async with running(loader) as found:
        await found.reconcile()
        assert found.snapshot.served[row.pk].model is None
        assert found.snapshot.served[row.pk].failure == "It does not answer."
        assert caplog.text.count("It does not answer.") == 1  # and not once a second
        loader.fails = lambda _: None
        await found.reconcile()
        assert found.snapshot.served[row.pk].model is not None


async def test_a_bundle_that_is_broken_is_not_tried_again_until_something_changes() -> None:
    await call(registered.algorithm, status=Status.PRODUCTION)
    tried: list[int] = []
    loader = Loader()

    def broken(row: models.MLAlgorithm) -> None:
        tried.append(row.pk)
        raise BundleInvalid

    loader.fails = broken
    async with running(loader) as found:
        await found.reconcile()
        await found.reconcile()
    assert len(tried) == 1
