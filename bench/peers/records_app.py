"""The usual FastAPI service: the model is loaded once, each request is predicted by itself.

Run by uvicorn, with one worker or two.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from bench.peers.kernels import load

app = FastAPI()
_kernel = load()


# A plain function would run in a pool of threads, which costs more here: the stronger is the peer.
@app.post("/predict")
async def predict(record: dict[str, float | str]) -> dict[str, float | str]:
    return _kernel.answer(_kernel.predict([_kernel.row(record)])[0])


@app.post("/predict_many")
async def predict_many(records: list[dict[str, float | str]]) -> list[dict[str, float | str]]:
    found = _kernel.predict([_kernel.row(record) for record in records])
    return [_kernel.answer(each) for each in found]


@app.websocket("/ws/predict")
async def stream(socket: WebSocket) -> None:
    await socket.accept(subprotocol="weir.v1.json")  # what the load generator offers
    try:
        while True:
            await socket.send_json(_said(await socket.receive_json()))
    except WebSocketDisconnect:
        return


def _said(frame: dict[str, Any]) -> dict[str, Any]:
    if "record" in frame:
        found = _kernel.predict([_kernel.row(frame["record"])])[0]
        return {"type": "result", "id": frame["id"], "result": _kernel.answer(found)}
    found = _kernel.predict(frame["rows"])
    results = [_kernel.answer(each) for each in found]
    return {"type": "result", "id": frame["id"], "results": results}
