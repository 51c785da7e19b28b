"""Clients over REST: one asks once, one insists with a key, one comes back for the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID, uuid5

import httpx

from tests.faults import nonces
from tests.faults.crew import Client, Load, label
from tests.faults.journal import Event

PATIENCE: Final = 30.0  # more than the longest deadline: silence is never an answer
_LABELLED: Final = 0.2
_REPEATED: Final = 0.1
_POLL: Final = 0.1
_KEYS: Final = UUID("b2a3f0de-6d6c-4a3e-9d0e-0d6c1f3a5b77")
_GONE: Final = "timeout"


class Rest(Client):
    """Posts records and writes down what became of them."""

    def __init__(self, name: str, number: int, load: Load) -> None:
        super().__init__(name, number, load)
        self._http = httpx.AsyncClient(timeout=PATIENCE)

    async def run(self) -> None:
        async with self._http:
            await super().run()

    async def ask(self, nonce: int, headers: Mapping[str, str]) -> httpx.Response | None:
        """The response; None if there was none, and the next is asked elsewhere."""
        self.note(Event.SENT, nonce)
        path = f"/api/v1/{self._load.spec.endpoint}/predict"
        response = await self.send("POST", path, nonce, json=nonces.record(nonce), headers=headers)
        if response is not None and response.status_code == httpx.codes.OK:
            self.answered(nonce, response.json())
        elif response is not None and response.status_code != httpx.codes.ACCEPTED:
            self.note(Event.REFUSED, nonce, code=code_of(response))
            self.move_on()
        return response

    async def send(self, method: str, path: str, nonce: int, **more: Any) -> httpx.Response | None:
        try:
            return await self._http.request(method, self.url + path, **more)
        except httpx.TimeoutException:
            self.note(Event.REFUSED, nonce, code=_GONE)
        except httpx.TransportError:
            self.note(Event.BROKEN, nonce)
        self.move_on()
        return None

    async def tell_truth(self, nonce: int, body: Mapping[str, Any]) -> None:
        """Now and then: what the answer should have been."""
        if body.get("value") is None or self._dice.random() > _LABELLED:
            return
        truth = label(nonce, body["value"])
        path = f"/api/v1/mlrequests/{body['request_id']}"
        response = await self.send("PUT", path, nonce, json={"feedback": truth})
        if response is not None and response.status_code == httpx.codes.OK:
            self.note(Event.LABELLED, nonce, request_id=body["request_id"], label=truth)


class Plain(Rest):
    """Asks each thing once and takes what comes."""

    async def turn(self, owed: asyncio.TaskGroup) -> None:
        nonce = next(self._nonces)
        response = await self.ask(nonce, {})
        if response is None or response.status_code != httpx.codes.OK:
            await self.back_off()
            return
        await self.tell_truth(nonce, response.json())


class Keyed(Rest):
    """Asks with a key until there is an answer; now and then once more, to get the same."""

    async def turn(self, owed: asyncio.TaskGroup) -> None:
        nonce = next(self._nonces)
        headers = {"Idempotency-Key": str(uuid5(_KEYS, str(nonce)))}
        while (response := await self.ask(nonce, headers)) is None or not _final(response):
            await self.back_off()
        if self._dice.random() < _REPEATED:
            await self.ask(nonce, headers)
        await self.tell_truth(nonce, response.json())


class Deferred(Rest):
    """Asks for an answer later, and comes back for it until it is there."""

    async def turn(self, owed: asyncio.TaskGroup) -> None:
        nonce = next(self._nonces)
        response = await self.ask(nonce, {"Prefer": "respond-async"})
        if response is not None and response.status_code == httpx.codes.ACCEPTED:
            request_id = int(response.json()["request_id"])
            self.note(Event.ACCEPTED, nonce, request_id=request_id)
            owed.create_task(self._collect(nonce, request_id))
        elif response is None or response.status_code != httpx.codes.OK:
            await self.back_off()

    async def _collect(self, nonce: int, request_id: int) -> None:
        while (row := await self._look(nonce, request_id)) is None:
            await self.pause(_POLL)
        failed = bool(row["error_code"])
        value = None if failed else float(row["response"])
        version = "" if value is None else str(nonces.version_of(nonce, value))
        body = {"request_id": row["id"], "value": value, "version": version}
        self.answered(nonce, body | {"code": row["error_code"]})

    async def _look(self, nonce: int, request_id: int) -> Mapping[str, Any] | None:
        try:
            found = await self._http.get(f"{self.url}/api/v1/mlrequests/{request_id}")
        except httpx.TransportError:
            self.move_on()
            return None
        row: Mapping[str, Any] = found.json() if found.status_code == httpx.codes.OK else {}
        return row or None


def code_of(response: httpx.Response) -> str:
    """Status and code of an error; its first words where there is no code."""
    try:
        said = response.json()["code"]
    except (ValueError, KeyError, TypeError):
        said = response.text[:80]
    return f"{response.status_code} {said}"


def _final(response: httpx.Response) -> bool:
    """Whether asking again would change nothing."""
    return (
        response.status_code < httpx.codes.INTERNAL_SERVER_ERROR
        and response.status_code
        not in {
            httpx.codes.CONFLICT,
            httpx.codes.TOO_MANY_REQUESTS,
        }
    )
