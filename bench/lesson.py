"""Where the workload comes from: scikit-learn's breast cancer data and a seeded forest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

from bench.workload import Workload

SEED = 7
ROWS = 64


def prepare(folder: Path) -> Workload:
    """Train, and leave in `folder` what the contenders load."""
    data = load_breast_cancer()
    labels = data.target_names[data.target].astype(str)
    train, held, known, _ = train_test_split(data.data, labels, test_size=0.2, random_state=SEED)
    names = tuple(str(name) for name in data.feature_names)
    forest = RandomForestClassifier(n_estimators=100, random_state=SEED).fit(train, known)
    frame = pd.DataFrame(train, columns=list(names))
    of_frames = RandomForestClassifier(n_estimators=100, random_state=SEED).fit(frame, known)
    joblib.dump(forest, folder / "forest.joblib")
    joblib.dump(of_frames, folder / "of_frames.joblib")
    joblib.dump(dict(frame.mean()), folder / "means.joblib")
    (folder / "names.txt").write_text("\n".join(names), encoding="utf-8")
    classes = tuple(str(name) for name in forest.classes_)
    _write_schema(folder / "forest.schema.json", names, classes, train)
    rows = held[:ROWS]
    return Workload(names, classes, rows.tolist(), forest.predict_proba(rows)[:, 1].tolist())


def _write_schema(
    path: Path, names: Sequence[str], classes: Sequence[str], train: np.ndarray
) -> None:
    seen = zip(names, train.min(axis=0).tolist(), train.max(axis=0).tolist(), strict=True)
    features = [
        {"name": name, "kind": "number", "minimum": low, "maximum": high}
        for name, low, high in seen
    ]
    target = {"name": "diagnosis", "task": "binary", "classes": list(classes)}
    path.write_text(json.dumps({"features": features, "target": target}), encoding="utf-8")
