"""A model of PyTorch comes as ONNX: exported where it was trained, registered here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference import bundles
from inference.runtimes.base import Kind
from inference.training import adopt
from tests.inference import artefacts

torch = pytest.importorskip("torch", reason="PyTorch is not installed: it is no part of Weir")


def model() -> Any:
    """Three features in, two probabilities out; gaps are zero."""
    torch.manual_seed(3)

    class Network(torch.nn.Module):  # type: ignore[misc, name-defined]  # only there where it is
        def __init__(self) -> None:
            super().__init__()
            self.layers = torch.nn.Sequential(
                torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2)
            )

        def forward(self, rows: Any) -> Any:
            known = torch.where(torch.isnan(rows), torch.zeros_like(rows), rows)
            return torch.softmax(self.layers(known / 50.0), dim=1)

    return Network().eval()


@pytest.mark.slow
def test_an_exported_network_says_here_what_it_said_there(tmp_path: Path) -> None:
    network, rows = model(), artefacts.SCHEMA.encode_many(artefacts.rows().records)
    path = tmp_path / "network.onnx"
    torch.onnx.export(
        network,
        (torch.zeros(1, 3),),
        str(path),
        input_names=["rows"],
        output_names=["probabilities"],
        dynamic_axes={"rows": {0: "n"}, "probabilities": {0: "n"}},
        dynamo=False,
    )
    (tmp_path / "rows.json").write_text(json.dumps(artefacts.rows().records))

    bundle = adopt.adopt(artefacts.IDENTITY, path, artefacts.SCHEMA, tmp_path / "rows.json")

    with torch.no_grad():
        there = network(torch.tensor(rows, dtype=torch.float32)).numpy()
    here = bundles.answers(bundles.load(bundle), rows)
    assert bundle.card.serving is Kind.ONNX
    assert np.array_equal(here.argmax(axis=1), there.argmax(axis=1))
    assert np.abs(here - there).max() <= 1e-5
