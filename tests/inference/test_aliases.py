"""Names that move, and who answers to them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from inference import running
from inference.core.errors import TransitionRefused
from inference.core.experiment import Mode
from inference.core.lifecycle import Status
from inference.models import Alias, AuditEntry, MLAlgorithm
from inference.services import aliases, models
from tests.inference import registered

pytestmark = pytest.mark.django_db
Pair = tuple[MLAlgorithm, MLAlgorithm]


@pytest.fixture
def pair() -> Pair:
    return registered.pair()


def moved(to: MLAlgorithm, name: str = "challenger") -> Alias:
    return aliases.alias_move(to.parent_endpoint_id, name, to.pk, by="ann", why="newer")


def test_a_name_moves_and_each_move_is_written_down(pair: Pair) -> None:
    first, second = pair
    moved(second)
    moved(second)
    moved(first)
    dropped = aliases.alias_drop(first.parent_endpoint_id, "challenger", by="bob")

    assert dropped
    assert not aliases.alias_drop(first.parent_endpoint_id, "challenger", by="bob")
    acts = AuditEntry.objects.filter(what__startswith="alias").order_by("id")
    assert list(acts.values_list("what", "made_by", "before", "after", "why")) == [
        ("alias_moved", "ann", "", str(second.pk), "challenger: newer"),
        ("alias_moved", "ann", str(second.pk), str(first.pk), "challenger: newer"),
        ("alias_dropped", "bob", str(first.pk), "", "challenger"),
    ]


@pytest.mark.parametrize("name", ["champion", "", "Best", "1st", "a b", "a" * 65])
def test_a_name_that_is_none_is_refused(pair: Pair, name: str) -> None:
    with pytest.raises(TransitionRefused) as refused:
        moved(pair[1], name)

    assert refused.value.field == "name"


def test_it_means_an_algorithm_of_the_endpoint_that_is_served(pair: Pair) -> None:
    first, second = pair
    other = registered.algorithm("forest", endpoint="other")
    models.algorithm_set_status(second.pk, Status.REJECTED, by="me")

    for wrong in (other.pk, 99, second.pk):
        with pytest.raises(TransitionRefused) as refused:
            aliases.alias_move(first.parent_endpoint_id, "best", wrong, by="ann")
        assert refused.value.field == "algorithm"


@pytest.mark.parametrize("mode", [None, *Mode])
def test_the_champion_is_whoever_is_in_production_or_was_before_the_test(
    pair: Pair, mode: Mode | None
) -> None:
    first, second = pair
    moved(second)
    if mode is not None:
        registered.started(pair, mode=mode)

    found = running.aliases()[first.parent_endpoint_id]

    assert found == {"champion": first.pk, "challenger": second.pk}


def test_over_rest_a_name_is_put_read_and_deleted(pair: Pair) -> None:
    first, second = pair
    path = f"/api/v1/endpoints/{first.parent_endpoint_id}/aliases"

    def put(name: str, **body: Any) -> Any:
        return Client().put(f"{path}/{name}", json.dumps(body), "application/json")

    made = put("best", algorithm=second.pk)
    refused = put("champion", algorithm=second.pk)
    unknown = put("best", algorithm=99)

    assert (made.status_code, made.json()["algorithm"]) == (200, second.pk)
    assert (refused.status_code, list(refused.json())) == (400, ["name"])
    assert (unknown.status_code, list(unknown.json())) == (400, ["algorithm"])
    assert [row["name"] for row in Client().get(path).json()] == ["best"]
    assert Client().delete(f"{path}/best").status_code == 204
    assert Client().delete(f"{path}/best").status_code == 404
    assert Client().get("/api/v1/endpoints/99/aliases").status_code == 404
