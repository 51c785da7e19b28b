"""Faults of web and worker processes: killed, frozen, stopped, exchanged."""

from __future__ import annotations

import signal
from functools import partial
from typing import Final

from tests.faults import crowd
from tests.faults.checker import REFUSALS
from tests.faults.cluster import Member
from tests.faults.crowd import CROWD_SECONDS
from tests.faults.nemesis import EXIT_SECONDS, KILLED_SECONDS, Scene, fault
from tests.faults.nonces import Deed
from tests.faults.rest import PATIENCE

_SIGNALS: Final = 3  # platforms repeat themselves
_MOST_DEATHS: Final = 3  # then the row that kills is given up
_DEADLY: Final = REFUSALS | {"500 model_error", "model_error"}


@fault("F1", "a worker is killed in the middle of a batch", within=KILLED_SECONDS)
def killed_in_a_batch(scene: Scene) -> None:
    nonce = scene.new_nonce()
    held = scene.ask(nonce, Deed.HOLD)
    victim = scene.holder(nonce)
    victim.process.kill()
    scene.healed()
    victim.process.start()
    assert held.result(PATIENCE).status_code == 200, "the held row was not computed by another"


@fault("F2", "a worker freezes and wakes up again", within=KILLED_SECONDS)
def frozen(scene: Scene) -> None:
    nonce = scene.new_nonce()
    held = scene.ask(nonce, Deed.SLOW)
    victim = scene.pick(scene.cluster.workers)
    victim.process.freeze()
    scene.healed()
    scene.lasts(8.0, 30.0)
    victim.process.thaw()
    assert held.result(PATIENCE).status_code == 200


@fault("F3", "a row segfaults the model", within=KILLED_SECONDS, allowed=_DEADLY)
def segfault(scene: Scene) -> None:
    _deadly(scene, Deed.SEGFAULT, rows=1)


@fault("F8", "rows that kill every worker they come to", within=KILLED_SECONDS, allowed=_DEADLY)
def deadly(scene: Scene) -> None:
    _deadly(scene, Deed.EXIT, rows=2)


def _deadly(scene: Scene, deed: Deed, rows: int) -> None:
    asked = [scene.ask(scene.new_nonce(), deed) for _ in range(rows)]
    deaths = scene.revive_until(lambda: all(each.done() for each in asked), 2 * PATIENCE)
    scene.healed()
    assert not any(each.result().json().get("value") for each in asked), "a deadly row was computed"
    assert deaths <= rows * _MOST_DEATHS, f"{rows} rows killed {deaths} workers"
    scene.cluster.wait_until_ready()


@fault("F4", "a web process is killed with requests and sockets in flight", within=KILLED_SECONDS)
def web_killed(scene: Scene) -> None:
    victim = scene.pick(scene.cluster.webs)
    victim.process.kill()
    scene.healed()
    scene.lasts(0.5, 3.0)
    victim.process.start()
    scene.cluster.wait_until_ready()


@fault("F5", "a web process is told to stop under load", distributed=False)
def web_stopped(scene: Scene) -> None:
    victim = scene.pick(scene.cluster.webs)
    _leaves(victim)
    victim.process.start()
    scene.cluster.wait_until_ready()


@fault("F6", "a worker is told to stop, repeatedly; then every process is, at once")
def all_stopped(scene: Scene) -> None:
    _leaves(scene.pick(scene.cluster.workers))
    scene.cluster.start()
    for member in scene.cluster.members:
        _tell(member)
    for member in scene.cluster.members:
        member.process.leaves(EXIT_SECONDS)
    scene.cluster.start()


@fault("F7", "every process is exchanged for a new one, one after the other")
def rolled(scene: Scene) -> None:
    for member in scene.cluster.members:
        old, member.process = member.process, scene.cluster.successor(member)
        member.process.start()
        member.process.until(partial(scene.cluster.ready, member))
        if member.front is not None:
            member.front.upstream = member.port
        old.signal(signal.SIGTERM)
        old.leaves(EXIT_SECONDS)


@fault("F38", "a crowd of sockets comes back at once", within=CROWD_SECONDS)
def crowd_returns(scene: Scene) -> None:
    victim = scene.pick(scene.cluster.webs)
    with crowd.gathered(victim.url, 1000 if scene.patient else 300, scene.cluster.data) as people:
        victim.process.kill()
        victim.process.start()
        scene.cluster.wait_until_ready()
        scene.healed()
        crowd.wait_until_back(people)


def _leaves(member: Member) -> None:
    _tell(member)
    member.process.leaves(EXIT_SECONDS)


def _tell(member: Member) -> None:
    for _ in range(_SIGNALS):
        member.process.signal(signal.SIGTERM)
