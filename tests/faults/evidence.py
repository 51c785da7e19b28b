"""Gathers what a run left behind: rows and tallies from PostgreSQL, queues from Redis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tests.faults.checker import Counts, Evidence, Row
from tests.faults.cluster import KEYS, Cluster
from tests.faults.crew import NONCES_PER_RUN
from tests.faults.journal import Entry

_ROWS: Final = """
    SELECT request.id, (input_data::json ->> 'nonce')::bigint,
           CASE WHEN error_code = '' THEN response::float8 END, version, feedback
    FROM inference_mlrequest request
    JOIN inference_mlalgorithm algorithm ON algorithm.id = request.parent_mlalgorithm_id
    WHERE (input_data::json ->> 'nonce')::bigint >= %s
      AND (input_data::json ->> 'nonce')::bigint < %s
"""
_TALLIES: Final = """
    SELECT arm_id, sum(exposures)::bigint, sum(errors)::bigint, sum(labelled)::bigint,
           sum(absolute_error), sum(squared_error)
    FROM inference_armtally GROUP BY arm_id
"""
_FOR_EVER: Final = -1  # as Redis says of a key that does not expire
# Sums of small whole numbers: exact, in whatever order they are added.
_RECOUNT: Final = """
    SELECT arm_id, count(*), count(*) FILTER (WHERE error_code <> ''), count(off),
           coalesce(sum(off), 0), coalesce(sum(off * off), 0)
    FROM (
        SELECT arm_id, error_code, CASE WHEN error_code = ''
               THEN abs(nullif(feedback, '')::float8 - response::float8) END AS off
        FROM inference_mlrequest WHERE arm_id IS NOT NULL
    ) request
    GROUP BY arm_id
"""


def gather(cluster: Cluster, run: int, entries: Sequence[Entry]) -> Evidence:
    return Evidence(
        entries=entries,
        rows=rows(cluster, run),
        tallies=_counts(cluster, _TALLIES),
        recount=_counts(cluster, _RECOUNT),
        leftovers=leftovers(cluster),
    )


def rows(cluster: Cluster, run: int) -> Sequence[Row]:
    """The log of this run: whoever has used the cluster before had other nonces."""
    first = run * NONCES_PER_RUN
    return [Row(*found) for found in cluster.query(_ROWS, first, first + NONCES_PER_RUN)]


def leftovers(cluster: Cluster) -> Mapping[str, int]:
    """What of the work is still to be done, in the outbox and in Redis."""
    ((queued,),) = cluster.query("SELECT count(*) FROM inference_outbox")
    return {"the outbox": queued, **(_in_redis(cluster) if cluster.redis else {})}


def _in_redis(cluster: Cluster) -> Mapping[str, int]:
    """Entries of streams, rows that count as waiting, and replies that would stay for ever."""
    client = cluster.store.client
    streams = [key for kind in ("jobs", "suspects") for key in _keys(cluster, kind)]
    found = {key: int(client.xlen(key)) for key in streams}
    # Below nothing is no harm: it is what answers to requests that were delivered twice leave.
    found |= {key: max(0, int(client.get(key) or 0)) for key in _keys(cluster, "rows")}
    lasting = [key for key in _keys(cluster, "replies") if client.ttl(key) == _FOR_EVER]
    return found | {key: int(client.llen(key)) for key in lasting}


def _keys(cluster: Cluster, kind: str) -> Sequence[str]:
    found = cluster.store.client.scan_iter(match=f"{KEYS}:{kind}:*")
    return sorted(key.decode() for key in found)


def _counts(cluster: Cluster, sql: str) -> Mapping[int, Counts]:
    return {arm: Counts(*counts) for arm, *counts in cluster.query(sql)}
