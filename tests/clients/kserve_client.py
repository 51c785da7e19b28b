"""KServe's `InferenceRESTClient` against a server whose address is the first argument.

Run by the clients' Python, not by ours: see `test_clients.py`. Prints what failed, by check.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

from tests.clients import rest
from tests.clients.checks import Report

URL = sys.argv[1]
ROWS = rest.Rows(sys.argv[1], 20)
report = Report()


def asked(*, binary: bool, outputs: bool | None) -> InferRequest:
    wanted = None
    if outputs is not None:
        names = ("label", "probabilities")
        wanted = [RequestedOutput(name, parameters={"binary_data": outputs}) for name in names]
    return InferRequest(
        model_name=rest.MODEL,
        request_id="mine",
        infer_inputs=[_input(*each, binary=binary) for each in ROWS.columns.items()],
        request_outputs=wanted,
    )


def _input(name: str, values: list[Any], *, binary: bool) -> InferInput:
    is_text = name == "size"
    array = np.array(values, dtype=object if is_text else np.float64)
    tensor = InferInput(name, list(array.shape), "BYTES" if is_text else "FP64")
    tensor.set_data_from_numpy(array, binary_data=binary)
    return tensor


def same(found: Any) -> None:
    labels = [getattr(e, "decode", lambda e=e: e)() for e in found.outputs[0].as_numpy()]
    assert labels == ROWS.labels, labels
    probabilities = found.outputs[1].as_numpy()
    np.testing.assert_allclose(probabilities[:, 1], ROWS.probabilities, rtol=1e-6)
    assert found.id == "mine"


async def main() -> None:
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    report.check("live", await client.is_server_live(URL))
    report.check("ready", await client.is_server_ready(URL))
    report.check("model ready", await client.is_model_ready(URL, rest.MODEL))
    for binary in (False, True):
        for outputs in (None, False, True):
            with report.trying(f"infer {binary} {outputs}"):
                request = asked(binary=binary, outputs=outputs)
                same(await client.infer(URL, request, model_name=rest.MODEL))
    await client.close()


asyncio.run(main())
report.print()
