"""The bytes decide what loads a model."""

from __future__ import annotations

import gzip
import io
import lzma
import zlib

import pytest

from inference.core.errors import BundleInvalid
from inference.runtimes import loader
from inference.runtimes.base import Artefact, Kind
from tests.inference import artefacts

PICKLE = b"\x80\x04K\x01."


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"PK\x03\x04 and more", Kind.SKOPS),
        (b"\x08\x08\x12\x08skl2onnx", Kind.ONNX),
        (b"\x08\x0d:", Kind.ONNX),
        (b"\x80\x02}.", Kind.JOBLIB),
        (PICKLE, Kind.JOBLIB),
        (b"\x80\x05N.", Kind.JOBLIB),
        (zlib.compress(PICKLE, 1), Kind.JOBLIB),
        (zlib.compress(PICKLE, 3), Kind.JOBLIB),
        (zlib.compress(PICKLE, 9), Kind.JOBLIB),
        (gzip.compress(PICKLE, mtime=0), Kind.JOBLIB),
        (lzma.compress(PICKLE), Kind.JOBLIB),
    ],
)
def test_each_kind_is_known_by_its_first_bytes(data: bytes, kind: Kind) -> None:
    assert loader.sniff(data) is kind


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80",
        b"\x08",
        b"PK",
        b"PK\x05\x06" + bytes(18),
        b"\x7fELF",
        b"#!/bin/sh",
        b"{}",
        b"\x80\x06",
        b"\x08\x00\x00",
        b"\x89HDF\r\n",
        b"cos\nsystem\n(S'id'\ntR.",
    ],
)
def test_anything_else_is_no_model(data: bytes) -> None:
    with pytest.raises(BundleInvalid, match="neither"):
        loader.sniff(data)


@pytest.mark.parametrize("claimed", [Kind.ONNX, Kind.SKOPS])
def test_a_pickle_that_says_it_is_something_else_is_not_read(claimed: Kind) -> None:
    with pytest.raises(BundleInvalid, match="its bytes say joblib"):
        loader.load(Artefact(claimed, PICKLE, artefacts.SCHEMA))


def test_numpy_pickles_of_every_size_are_known() -> None:
    buffer = io.BytesIO(artefacts.dump(artefacts.forest()))

    assert loader.sniff(buffer.getvalue()) is Kind.JOBLIB
