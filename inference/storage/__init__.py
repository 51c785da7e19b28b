"""The places where bundles may lie, by the word that `WEIR_BUNDLES` has for each.

All keep the same promises: a file is there whole or not at all, one that is not there is a
FileNotFoundError, and a place that cannot be reached is another OSError.
"""

from __future__ import annotations

import re
from typing import Any, Final

# What S3 itself allows in the name of a bucket, and of a key what needs no escaping.
_S3: Final = re.compile(
    r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>[\w./-]*))?", re.ASCII
)


def backend(address: str) -> dict[str, Any]:
    """An entry of Django's STORAGES for it; raises ValueError if there is no such place."""
    if address == "files":
        return {"BACKEND": "inference.storage.files.WholeFileStorage"}
    if address == "database":
        return {"BACKEND": "inference.storage.database.DatabaseStorage"}
    if found := _S3.fullmatch(address):
        options = {"bucket_name": found["bucket"], "location": (found["prefix"] or "").strip("/")}
        return {"BACKEND": "inference.storage.s3.BucketStorage", "OPTIONS": options}
    raise ValueError("must be files, database or s3://bucket/prefix")
