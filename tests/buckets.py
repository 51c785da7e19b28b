"""A bucket on this machine, in a server process that speaks the protocol of S3."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import boto3

from tests import processes, servers

NAME: Final = "weir-tests"
ADDRESS: Final = f"s3://{NAME}/models/of-ours"


@contextmanager
def bucket(folder: Path) -> Iterator[dict[str, str]]:
    """The variables by which boto3 finds it, here and in processes that a test starts."""
    port = servers.free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with processes.running(command, port, folder):
        _make(variables(port))
        yield variables(port)


def variables(port: int) -> dict[str, str]:
    """What boto3 reads to find and enter it."""
    return {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "tests",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def _make(given: dict[str, str]) -> None:
    session = boto3.Session(
        aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
        region_name=given["AWS_DEFAULT_REGION"],
    )
    client = session.client("s3", endpoint_url=given["AWS_ENDPOINT_URL_S3"])
    client.create_bucket(Bucket=NAME)
    client.close()
