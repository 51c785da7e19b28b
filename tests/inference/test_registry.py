"""A process serves what the database says, as of one version at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from channels.db import database_sync_to_async

from inference import models, registry
from inference.core.errors import BundleInvalid, ModelUnavailable, StorageUnavailable, WeirError
from inference.core.lifecycle import Status
from inference.core.types import LogMode, Model
from inference.registry import Registry
from inference.services import experiments, keys
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
