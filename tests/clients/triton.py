"""Triton's own HTTP clients against a server whose address is the first argument.

Run by the clients' Python, not by ours: see `test_clients.py`. Prints what failed, by check.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import numpy as np
import tritonclient.http as sync
from tritonclient.http import aio
from tritonclient.utils import InferenceServerException

from tests.clients import rest
from tests.clients.checks import Report, refused

URL = sys.argv[1].removeprefix("http://")
ROWS = rest.Rows(sys.argv[1], 40)
FLOATS = {"FP64": np.float64, "FP16": np.float16}
report = Report()
check = report.check


def inputs(library: Any, *, binary: bool, datatype: str = "FP64") -> list[Any]:
    """One tensor for each feature."""
    found = []
    for name, values in ROWS.columns.items():
        array = np.array(values, dtype=object if name == "size" else FLOATS[datatype])
        kind = "BYTES" if name == "size" else datatype
        tensor = library.InferInput(name, [len(array), 1], kind)
        tensor.set_data_from_numpy(array.reshape(-1, 1), binary_data=binary)
        found.append(tensor)
    return found


def matrix(library: Any, *, binary: bool) -> list[Any]:
    array = np.array(ROWS.matrix, dtype=np.float64)
    tensor = library.InferInput("input", list(array.shape), "FP64")
    tensor.set_data_from_numpy(array, binary_data=binary)
    return [tensor]


def outputs(library: Any, *, binary: bool) -> list[Any]:
    names = ("label", "probabilities", "request_id")
    return [library.InferRequestedOutput(name, binary_data=binary) for name in names]


def same(result: Any) -> None:
    labels = [getattr(each, "decode", lambda e=each: e)() for each in result.as_numpy("label")]
    assert labels == ROWS.labels, labels
    found = result.as_numpy("probabilities")
    assert found.shape == (len(ROWS), 2)
    np.testing.assert_allclose(found[:, 1], ROWS.probabilities, rtol=1e-6)
    ids = result.as_numpy("request_id")
    assert len(set(ids.tolist())) == len(ROWS)


KINDS = [
    (made, binary_in, binary_out, packed_in, packed_out)
    for made in (inputs, matrix)
    for binary_in in (True, False)
    for binary_out in (True, False, None)
    for packed_in, packed_out in ((None, None), ("gzip", "gzip"), ("deflate", "deflate"))
]


def wishes(library: Any, kind: Any) -> dict[str, Any]:
    made, binary_in, binary_out, packed_in, packed_out = kind
    return {
        "model_name": rest.MODEL,
        "inputs": made(library, binary=binary_in),
        "outputs": None if binary_out is None else outputs(library, binary=binary_out),
        "request_compression_algorithm": packed_in,
        "response_compression_algorithm": packed_out,
        "request_id": "mine",
    }


def synchronous() -> None:
    with sync.InferenceServerClient(URL) as client:
        check("live", client.is_server_live())
        check("ready", client.is_server_ready())
        check("model ready", client.is_model_ready(rest.MODEL))
        check("version ready", client.is_model_ready(rest.MODEL, "0.0.1"))
        check("not ready", not client.is_model_ready("nobody"))
        check("server", client.get_server_metadata(query_params={"test_1": 1})["name"] == "weir")
        metadata = client.get_model_metadata(rest.MODEL, "0.0.1")
        check("metadata", len(metadata["inputs"]) == len(ROWS.columns))
        check("index", client.get_model_repository_index()[0]["state"] == "READY")
        repository(client)
        for kind in KINDS:
            with report.trying(f"sync {kind}"):
                result = client.infer(**wishes(sync, kind))
                assert result.get_response()["id"] == "mine"
                same(result)
        oddities(client)
        stats = client.get_inference_statistics(rest.MODEL)["model_stats"][0]
        check("statistics", stats["inference_count"] >= len(ROWS) * len(KINDS))
        check("time", 0 < stats["inference_stats"]["compute_infer"]["ns"] < 60e9)


def repository(client: Any) -> None:
    with report.trying("load"):
        client.load_model(rest.MODEL)
    with report.trying("unload"):
        assert "retire" in refused(
            lambda: client.unload_model(rest.MODEL), InferenceServerException
        )


def oddities(client: Any) -> None:
    with report.trying("asynchronous"):
        same(client.async_infer(rest.MODEL, inputs(sync, binary=True)).get_result())
    with report.trying("version, patience, priority, headers, query"):
        asked = {"model_version": "0.0.1", "priority": 1, "timeout": 5_000_000}
        headers, query = {"X-Subject": "ann"}, {"test_1": 1, "test_2": ["a", "b"]}
        found = matrix(sync, binary=True)
        same(client.infer(rest.MODEL, found, headers=headers, query_params=query, **asked))
    with report.trying("half precision"):
        assert client.infer(rest.MODEL, inputs(sync, binary=True, datatype="FP16"))
    with report.trying("an unknown model"):
        call = lambda: client.infer("nobody", matrix(sync, binary=True))  # noqa: E731  # said once
        assert "There is no model 'nobody'." in refused(call, InferenceServerException)
    with report.trying("a row that does not fit"):
        tensor = sync.InferInput("mean_radius", [2], "FP64")
        tensor.set_data_from_numpy(np.array([14.0, np.inf]))
        said = refused(lambda: client.infer(rest.MODEL, [tensor]), InferenceServerException)
        assert "(row 1, 'mean_radius')" in said


async def asynchronous() -> None:
    async with aio.InferenceServerClient(URL) as client:
        check("aio live", await client.is_server_live())
        check("aio ready", await client.is_server_ready())
        check("aio model ready", await client.is_model_ready(rest.MODEL))
        check("aio metadata", (await client.get_model_metadata(rest.MODEL))["name"] == rest.MODEL)
        check("aio statistics", (await client.get_inference_statistics())["model_stats"])
        for kind in KINDS:
            with report.trying(f"aio {kind}"):
                same(await client.infer(**wishes(aio, kind)))


synchronous()
asyncio.run(asynchronous())
report.print()
