"""A model that lives elsewhere answers as one that lives here, or says why it cannot."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest

from inference.core import datatypes
from inference.core.datatypes import Tensor
from inference.core.errors import (
    BundleInvalid,
    ModelOutputInvalid,
    ModelRejectedRow,
    ModelUnavailable,
)
from inference.core.reach import Reach
from inference.core.schema import Schema
from inference.runtimes import loader, oip
from inference.runtimes.base import Artefact, Kind, Runtime
from inference.runtimes.oip import Descriptor, Place
from tests.inference import artefacts, peer
from tests.inference.peer import Peer

ROWS = np.array([[20.0, 1.0, 40.0], [90.0, np.nan, 8.0]])
HERE = Reach(("127.0.0.1",), seconds=2.0)


@pytest.fixture
def there() -> Iterator[Peer]:
    with peer.serving(Peer()) as running:
        yield running


def descriptor(url: str, **other: Any) -> Descriptor:
    given: dict[str, Any] = {
        "place": Place(url=url, model="my model", version="3"),
        "input": "x",
        "datatype": "FP64",
        "output": "p",
        "gives": "probabilities",
        "binary": True,
    }
    return Descriptor(**{**given, **other})


@contextmanager
def loaded(
    url: str, reach: Reach = HERE, schema: Schema = artefacts.SCHEMA, **other: Any
) -> Iterator[Runtime]:
    data = oip.written(descriptor(url, **other))
    with closing(loader.load(Artefact(Kind.OIP, data, schema, reach=reach))) as runtime:
        yield runtime


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("datatype", ["FP32", "FP64"])
def test_whole_batches_go_there_and_come_back(there: Peer, datatype: str, *, binary: bool) -> None:
    with loaded(there.url, datatype=datatype, binary=binary) as runtime:
        (out,) = runtime.predict((ROWS,))

    (asked,) = there.asked
    assert (asked.inputs[0].name, asked.inputs[0].datatype) == ("x", datatype)
    np.testing.assert_array_equal(asked.inputs[0].array, ROWS)
    assert out.dtype == np.float64
    assert np.allclose(out.astype(float), peer.likely(asked.inputs[0].array), rtol=1e-12)
    assert there.paths[-1] == "/v2/models/my%20model/versions/3/infer"
    assert (runtime.kind, runtime.inline_ok) == (Kind.OIP, False)


def test_a_connection_is_used_again(there: Peer) -> None:
    with loaded(there.url) as runtime:
        for _ in range(5):
            runtime.predict((ROWS,))

    assert (len(there.asked), len(there.callers)) == (5, 1)


def test_without_a_version_its_server_chooses(there: Peer) -> None:
    with loaded(there.url, place=Place(url=f"{there.url}/", model="m")) as runtime:
        runtime.predict((ROWS,))

    assert there.paths == ["/v2/models/m/ready", "/v2/models/m/infer"]


def test_values_and_single_probabilities_are_columns(there: Peer) -> None:
    there.predict = lambda _: [datatypes.named("p", np.array([0.25, 1.0], np.float32))]

    with loaded(there.url, gives="positive") as runtime:
        assert runtime.predict((ROWS,))[0].tolist() == [[0.75, 0.25], [0.0, 1.0]]
    with loaded(there.url, schema=artefacts.VALUES, gives="values") as runtime:
        assert runtime.predict((ROWS,))[0].tolist() == [[0.25], [1.0]]


# -- who is not asked ------------------------------------------------------------------------------


@pytest.mark.parametrize("hosts", [(), ("localhost",), ("127.0.0.1:1",), ("127.0.0",)])
def test_nobody_is_asked_whom_the_operator_has_not_named(
    there: Peer, hosts: tuple[str, ...]
) -> None:
    with pytest.raises(BundleInvalid, match="WEIR_REMOTE_HOSTS"), loaded(there.url, Reach(hosts)):
        pass

    assert there.paths == []


def test_a_server_sees_the_token_that_it_wants(there: Peer) -> None:
    host = there.url.removeprefix("http://")
    known = Reach(("127.0.0.1",), tokens={host: "open sesame", "127.0.0.1": "nobody's"})

    with loaded(there.url, known) as runtime:
        runtime.predict((ROWS,))
    assert there.keys == {"Bearer open sesame"}


def test_a_server_without_a_token_sees_none(there: Peer) -> None:
    with loaded(there.url, Reach(("127.0.0.1",), tokens={"other": "secret"})) as runtime:
        runtime.predict((ROWS,))
    assert there.keys == {None}


def test_a_redirect_is_not_followed(there: Peer) -> None:
    with peer.serving(Peer()) as other:
        target = {"Location": f"{other.url}/v2/models/m/infer"}
        there.refuses = lambda _: (307, target, b"")
        with (
            loaded(there.url) as runtime,
            pytest.raises(ModelUnavailable, match="answers 307"),
        ):
            runtime.predict((ROWS,))

    assert other.paths == []


def test_a_proxy_of_the_environment_is_not_asked(
    there: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with loaded(there.url) as runtime:
        runtime.predict((ROWS,))


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        b"{",
        b'{"a": 1}',
        b"{" * 100_000,
        oip.written(descriptor("http://127.0.0.1", datatype="INT8")),
        oip.written(descriptor("http://127.0.0.1"))[:-1] + b',"more":1}',
    ],
)
def test_a_descriptor_is_read_strictly(data: bytes) -> None:
    with pytest.raises(BundleInvalid):
        loader.load(Artefact(Kind.OIP, data, artefacts.SCHEMA, reach=HERE))


# -- who does not answer ---------------------------------------------------------------------------


def test_nobody_there(there: Peer) -> None:
    with pytest.raises(ModelUnavailable) as caught, loaded(_closed_port()):
        pass

    assert caught.value.retry_after == 1.0


def test_somebody_who_is_not_ready(there: Peer) -> None:
    there.ready = 503

    with pytest.raises(ModelUnavailable, match="503: it is loading"), loaded(there.url):
        pass


@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500, 502, 503, 504, 204])
def test_trouble_over_there_is_no_rows_fault(there: Peer, status: int) -> None:
    body = b"" if status == 204 else b'{"error": "trouble"}'
    there.refuses = lambda _: (status, {}, body)

    with loaded(there.url) as runtime, pytest.raises(ModelUnavailable) as caught:
        runtime.predict((ROWS,))

    assert caught.value.retry_after == 1.0
    assert str(status) in caught.value.message
    assert len(there.asked) == 1


@pytest.mark.parametrize("status", [400, 422])
def test_a_refusal_of_rows_is_told_as_one(there: Peer, status: int) -> None:
    there.refuses = lambda _: (status, {}, b'{"error": "too hot"}')

    with loaded(there.url) as runtime, pytest.raises(ModelRejectedRow, match="too hot"):
        runtime.predict((ROWS,))


def _wrong(*outputs: Tensor) -> Callable[[list[Tensor]], list[Tensor]]:
    return lambda _: list(outputs)


@pytest.mark.parametrize(
    "predict",
    [
        _wrong(),
        _wrong(datatypes.named("q", np.ones((2, 2)))),
        _wrong(datatypes.named("p", np.ones((3, 2)))),
        _wrong(datatypes.named("p", np.ones((2, 3)))),
        _wrong(datatypes.named("p", np.ones(4))),
    ],
    ids=["nothing", "another", "a row too many", "a class too many", "flat"],
)
def test_nonsense_is_no_prediction(
    there: Peer, predict: Callable[[list[Tensor]], list[Tensor]]
) -> None:
    there.predict = predict

    with loaded(there.url) as runtime, pytest.raises(ModelOutputInvalid):
        runtime.predict((ROWS,))


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"outputs": 1}'])
def test_another_protocol_is_no_prediction(there: Peer, body: bytes) -> None:
    there.refuses = lambda _: (200, {}, body)

    with loaded(there.url) as runtime, pytest.raises(ModelOutputInvalid):
        runtime.predict((ROWS,))


def test_silence_is_given_up(there: Peer) -> None:
    go_on = Event()

    def silent(tensors: list[Tensor]) -> list[Tensor]:
        go_on.wait(20)
        return peer.share(tensors)

    there.predict = silent
    try:
        with (
            loaded(there.url, HERE._replace(seconds=0.2)) as runtime,
            pytest.raises(ModelUnavailable, match=r"within 0\.2 s"),
        ):
            runtime.predict((ROWS,))
    finally:
        go_on.set()


def test_who_dawdles_is_given_up_as_well() -> None:
    """Each byte comes in time, their sum does not."""
    done = Event()

    def dribble(listener: socket.socket) -> None:
        with listener.accept()[0] as connection:
            connection.recv(1 << 16)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not done.wait(0.02):
                try:
                    connection.sendall(b" ")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=dribble, args=(listener,))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with (
            pytest.raises(ModelUnavailable, match="did not answer"),
            loaded(url, HERE._replace(seconds=0.3)),
        ):
            pass
        done.set()
        thread.join()


def test_it_is_found_again_by_itself(there: Peer) -> None:
    port = int(there.url.rpartition(":")[2])
    first = Peer()
    with peer.serving(first) as running:
        port, url = int(running.url.rpartition(":")[2]), running.url
        runtime = loader.load(
            Artefact(Kind.OIP, oip.written(descriptor(url)), artefacts.SCHEMA, reach=HERE)
        )
        runtime.predict((ROWS,))
    with closing(runtime):
        first.refuses = lambda _: (503, {}, b"")  # a connection that is still open says so, too
        with pytest.raises(ModelUnavailable):
            runtime.predict((ROWS,))
        with peer.serving(Peer(), port):
            first.refuses = lambda _: (503, {"Connection": "close"}, b"")
            (out,) = _patiently(runtime)
    assert out.shape == (2, 2)


def test_that_it_went_and_came_back_is_said_once(
    there: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    with loaded(there.url) as runtime:
        there.refuses = lambda _: (503, {}, b"")
        for _ in range(3):
            with pytest.raises(ModelUnavailable):
                runtime.predict((ROWS,))
        there.refuses = lambda _: None
        for _ in range(3):
            runtime.predict((ROWS,))

    said = [each.getMessage() for each in caplog.records if each.name == oip.__name__]
    assert [each.partition(" is ")[2].partition(":")[0] for each in said] == ["away", "back"]


def _patiently(runtime: Runtime) -> Any:
    """The connection that was still open ends with its next answer."""
    try:
        return runtime.predict((ROWS,))
    except ModelUnavailable:
        return runtime.predict((ROWS,))


def _closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"
