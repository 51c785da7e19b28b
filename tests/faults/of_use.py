"""What users do at the worst moment: promote, change tests, send the same thing fifty times."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import httpx

from tests.faults import nonces
from tests.faults.cluster import ENDPOINT, SWAPPED, Cluster, Member, fetch, until
from tests.faults.nemesis import Scene, fault
from tests.faults.rest import PATIENCE

_SWAPS_PER_SECOND: Final = 10
_AT_ONCE: Final = 50
_ASKED: Final = 24
_STICKY: Final = {"X-Subject": "the same caller"}
_LOOK_SECONDS: Final = 3.0
_WEIGHTS: Final = ((1, 1), (9, 1), (1, 9))


@fault(
    "F29",
    "models are promoted to and fro, ten times a second",
    distributed=False,
    allowed=(),
    endpoint=SWAPPED,
)
def swap_storm(scene: Scene) -> None:
    url = scene.cluster.urls[0]
    first, second = _algorithms(scene.cluster, SWAPPED)
    for swap in range(200 if scene.patient else 20):
        body = {"status": "production", "created_by": "nemesis"}
        wanted = first if swap % 2 else second
        _post(f"{url}/api/v1/mlalgorithmstatuses", body | {"parent_mlalgorithm": wanted})
        time.sleep(1 / _SWAPS_PER_SECOND)


@fault("F30", "tests are stopped and started with other weights", distributed=False, allowed=())
def tests_change(scene: Scene) -> None:
    told, *others = scene.cluster.webs
    for weights in _WEIGHTS:
        _stop_running(scene.cluster)
        assert len(_versions(scene, told)) == 1, "a stopped arm answered where it was stopped"
        _within_a_look(lambda: all(len(_versions(scene, web)) == 1 for web in others))
        start_test(scene.cluster, weights)
        _within_a_look(lambda: _test_runs(scene))
        assert len(_versions(scene, told, _STICKY)) == 1, "one subject had several arms"
        scene.lasts(0.5, 3.0)


@fault("F35", "the same key comes fifty times at once", distributed=False)
def same_key(scene: Scene) -> None:
    nonce = scene.new_nonce()
    headers = {"Idempotency-Key": f"nonce-{nonce}"}
    asked = [scene.ask(nonce, headers=headers) for _ in range(_AT_ONCE)]
    answers = [each.result(PATIENCE) for each in asked]
    bodies = {each.content for each in answers if each.status_code == httpx.codes.OK}
    others = {each.status_code for each in answers} - {httpx.codes.OK, httpx.codes.CONFLICT}
    assert len(bodies) == 1, f"one key had {len(bodies)} answers"
    assert not others
    assert scene.ask(nonce, headers=headers).result(PATIENCE).content in bodies


def start_test(cluster: Cluster, weights: Sequence[int] = (1, 1)) -> None:
    """Between the two versions, until somebody stops it."""
    pairs = zip(_algorithms(cluster, ENDPOINT), weights, strict=True)
    arms = [{"algorithm": algorithm, "weight": weight} for algorithm, weight in pairs]
    body = {"title": "which line", "created_by": "nemesis", "rule": "none", "arms": arms}
    _post(f"{cluster.urls[0]}/api/v1/abtests", body)


def _stop_running(cluster: Cluster) -> None:
    url = cluster.urls[0]
    for test in fetch(f"{url}/api/v1/abtests"):
        if test["ended_at"] is None:
            _post(f"{url}/api/v1/stop_ab_test/{test['id']}", {})


def _versions(scene: Scene, web: Member, headers: Mapping[str, str] | None = None) -> set[str]:
    """Who answers there now, asked several times."""
    asked = [scene.ask(scene.new_nonce(), headers=headers, web=web) for _ in range(_ASKED)]
    return {each.result(PATIENCE).json()["version"] for each in asked}


def _test_runs(scene: Scene) -> bool:
    """Whether every web process sends callers to both arms."""
    return all(len(_versions(scene, web)) == len(nonces.VERSIONS) for web in scene.cluster.webs)


def _within_a_look(true: Callable[[], bool]) -> None:
    """Each process looks at the registry once a second."""
    until(true, _LOOK_SECONDS, "every web process knows of the change")


def _algorithms(cluster: Cluster, endpoint: str) -> Sequence[int]:
    sql = """
        SELECT algorithm.id FROM inference_mlalgorithm algorithm
        JOIN inference_endpoint endpoint ON endpoint.id = parent_endpoint_id
        WHERE endpoint.name = %s ORDER BY version
    """
    return [row[0] for row in cluster.query(sql, endpoint)]


def _post(url: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    answer = httpx.post(url, json=dict(body), timeout=PATIENCE)
    assert answer.is_success, f"{url} gave {answer.status_code}: {answer.text}"
    told: Mapping[str, Any] = answer.json()
    return told
