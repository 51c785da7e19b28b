"""The usual FastAPI service: the model is loaded once, each request is predicted by itself.

Run by `uvicorn bench.peers.fastapi_app:app` in one process; BENCH_DIR says where the model lies.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import joblib
from fastapi import FastAPI

app = FastAPI()
_model: Any = joblib.load(Path(os.environ["BENCH_DIR"]) / "forest.joblib")
_names = (Path(os.environ["BENCH_DIR"]) / "names.txt").read_text(encoding="utf-8").splitlines()


# The manual advises a plain function, run in a pool of forty threads, which fight for the GIL here:
# that costs a third more CPU for each answer. The stronger of the two is the peer.
@app.post("/predict")
async def predict(record: dict[str, float]) -> dict[str, float | str]:
    row = [[record[name] for name in _names]]
    probability = float(_model.predict_proba(row)[0, 1])
    return {"probability": probability, "label": str(_model.classes_[probability > 0.5])}
