from __future__ import annotations

from time import perf_counter

import numpy as np

from bench.peers.sleeper import BATCH_SECONDS, Sleeper


def test_any_batch_takes_as_long_and_is_answered_by_its_first_numbers() -> None:
    model = Sleeper().fit(np.array([[0.0], [1.0]]), ["no", "yes"])

    began = perf_counter()
    said = model.predict_proba(np.array([[0.25], [0.75]]))

    assert perf_counter() - began >= BATCH_SECONDS
    assert said.tolist() == [[0.75, 0.25], [0.25, 0.75]]
    assert model.predict(np.array([[0.25], [0.75]])).tolist() == ["no", "yes"]
