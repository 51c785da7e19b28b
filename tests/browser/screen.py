"""The dashboard as a person uses it."""

from __future__ import annotations

import json
from typing import Any

from playwright.async_api import Locator, Page, WebSocketRoute, expect

ENDPOINT = "breast_cancer"


class Screen:
    """A page, and the server it comes from."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url

    async def opens(self, endpoint: str = ENDPOINT) -> Screen:
        """Until it is live and shows the endpoint's form."""
        await self.page.goto(f"{self.url}/#/{endpoint}")
        await expect(self.connection).to_have_text("Live")
        await expect(self.button("Predict")).to_be_visible()
        return self

    @property
    def connection(self) -> Locator:
        return self.page.locator("#connection")

    @property
    def verdict(self) -> Locator:
        return self.page.locator(".verdict")

    @property
    def answer(self) -> Locator:
        return self.page.locator(".answer")

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def counted(self, what: str) -> Locator:
        """Of the first arm: right, wrong, pending or labelled."""
        return self.page.locator(f".arm:first-child .counts .{what} dd")

    async def asks(self, method: str, path: str, body: object = None) -> Any:
        """By REST, as any other client would."""
        answer = await self.page.request.fetch(
            f"{self.url}/api/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body),
            headers={"Content-Type": "application/json"},
        )
        assert answer.ok, await answer.text()
        return await answer.json()

    async def splits(self, endpoint: str = ENDPOINT) -> int:
        """A running test between the two algorithms of the endpoint; returns its id."""
        numbers = {each["name"]: each["id"] for each in await self.asks("GET", "endpoints")}
        algorithms = await self.asks("GET", "mlalgorithms")
        arms = [a["id"] for a in algorithms if a["parent_endpoint"] == numbers[endpoint]]
        split = [{"algorithm": arm, "weight": 1} for arm in arms]
        body = {"title": "forest or trees", "created_by": "tests", "arms": split}
        started: int = (await self.asks("POST", "abtests", body))["id"]
        return started


class Script:
    """A server's side of the live socket, spoken by a test."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._snapshots: dict[str, dict[str, Any]] = {}
        self.connections = 0

    async def plays(self, *snapshots: dict[str, Any]) -> None:
        """Each topic is answered by its snapshot; what is not scripted is not answered."""
        self._snapshots = {snapshot["topic"]: snapshot for snapshot in snapshots}
        await self._page.route_web_socket("**/ws/v1/live", self._connected)

    def _connected(self, socket: WebSocketRoute) -> None:
        self.connections += 1

        def heard(text: str | bytes) -> None:
            topic = json.loads(text).get("subscribe")
            if topic in self._snapshots:
                socket.send(json.dumps({"type": "snapshot", "seq": 0, **self._snapshots[topic]}))

        socket.on_message(heard)


def operations(*endpoints: dict[str, Any]) -> dict[str, Any]:
    return {
        "topic": "operations",
        "uptime_s": 1.0,
        "rss_mb": 100.0,
        "sockets": 1,
        "endpoints": list(endpoints),
    }


def endpoint(
    name: str, *algorithms: dict[str, Any], experiment: int | None = None
) -> dict[str, Any]:
    curves = {"t": [1, 2], "rate": [1.0, 2.0], "p50": [1, 1], "p99": [2, 2], "batch": [1, 1]}
    return {"id": 1, "name": name, **FIGURES, "queue_rows": 0, "algorithms": list(algorithms)} | {
        "experiment": experiment,
        "tick": None,
        "history": curves,
    }


def algorithm(number: int, name: str, status: str = "production") -> dict[str, Any]:
    return {
        "id": number,
        "name": name,
        "version": name,
        "status": status,
        "runtime": name,
        "aliases": [],
    } | FIGURES


FIGURES: dict[str, Any] = {
    "predictions": 5,
    "errors": 0,
    "refused": 0,
    "rate": 2.0,
    "batch_rows": 1.0,
    "latency_ms": {"p50": 1.0, "p95": 2.0, "p99": 2.0},
}
