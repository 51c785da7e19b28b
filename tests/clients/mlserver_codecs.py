"""MLServer's types and codecs against a server whose address is the first argument.

Run by the clients' Python, not by ours: see `test_clients.py`. Prints what failed, by check.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
from mlserver import types
from mlserver.codecs import NumpyCodec, NumpyRequestCodec, PandasCodec, StringCodec

from tests.clients import rest
from tests.clients.checks import Report

URL = sys.argv[1]
ROWS = rest.Rows(sys.argv[1], 20)
report = Report()


def answered(request: types.InferenceRequest) -> types.InferenceResponse:
    said = request.model_dump_json().encode()
    return types.InferenceResponse.model_validate_json(
        rest.post(f"{URL}/v2/models/{rest.MODEL}/infer", said)
    )


def same(response: types.InferenceResponse) -> None:
    outputs = {each.name: each for each in response.outputs}
    labels = StringCodec.decode_output(outputs["label"])
    assert labels == ROWS.labels, labels
    found = NumpyCodec.decode_output(outputs["probabilities"])
    assert found.shape == (len(ROWS), 2)
    np.testing.assert_allclose(found[:, 1], ROWS.probabilities, rtol=1e-6)
    assert NumpyCodec.decode_output(outputs["request_id"]).dtype == np.int64


with report.trying("a data frame"):
    same(answered(PandasCodec.encode_request(pd.DataFrame(ROWS.columns))))
with report.trying("a data frame, strings as they are"):
    frame = pd.DataFrame(ROWS.columns)
    same(answered(PandasCodec.encode_request(frame, use_bytes=False)))
with report.trying("a matrix"):
    same(answered(NumpyRequestCodec.encode_request(np.array(ROWS.matrix))))
with report.trying("columns one by one"):
    inputs: list[Any] = [
        StringCodec.encode_input(name, values)
        if name == "size"
        else NumpyCodec.encode_input(name, np.array(values))
        for name, values in ROWS.columns.items()
    ]
    wanted = [types.RequestOutput(name=name) for name in ("request_id", "label", "probabilities")]
    request = types.InferenceRequest(id="mine", inputs=inputs, outputs=wanted)
    response = answered(request)
    assert response.id == "mine"
    assert [each.name for each in response.outputs] == ["request_id", "label", "probabilities"]
    same(response)
with report.trying("metadata"):
    model = types.MetadataModelResponse.model_validate_json(
        rest.get(f"{URL}/v2/models/{rest.MODEL}")
    )
    assert model.name == rest.MODEL
    server = types.MetadataServerResponse.model_validate_json(rest.get(f"{URL}/v2"))
    assert server.name == "weir"
with report.trying("repository"):
    index = types.RepositoryIndexResponse.model_validate_json(
        rest.post(f"{URL}/v2/repository/index", b"{}")
    )
    assert [each.state for each in index.root] == [types.State.READY.value] * 2
report.print()
