"""Drift on the page: as REST says it, for those who see no colour and for those who see nothing."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from inference.training import demos
from tests import servers
from tests.browser.screen import ENDPOINT, Screen
from tests.browser.test_pages import barriers
from tests.processes import until

MOVED = "mean_texture"


@pytest.fixture(scope="module")
def mode() -> servers.Mode:
    """Where models run makes no difference to a page."""
    return "embedded"


@pytest.fixture
async def drifted(screen: Screen) -> dict[str, Any]:
    """The algorithm in production as REST has it, once its rows were counted."""
    dice = random.Random(3)
    rows = [dict(row) for row in dice.choices(demos.find(ENDPOINT).dataset().train.records, k=300)]
    for row in rows:
        row[MOVED] = 45.0
    await screen.asks("POST", f"{ENDPOINT}/predict", rows)
    counted = partial(until, lambda: production(screen.url)["rows"] > 0, "no row was counted")
    await asyncio.to_thread(counted)
    return production(screen.url)


def production(url: str) -> dict[str, Any]:
    """What REST says of the algorithm in production."""
    endpoints = httpx.get(f"{url}/api/v1/endpoints", timeout=10).json()
    (id_,) = (each["id"] for each in endpoints if each["name"] == ENDPOINT)
    body = httpx.get(f"{url}/api/v1/endpoints/{id_}/drift", timeout=10).json()
    (found,) = (each for each in body["algorithms"] if each["status"] == "production")
    return dict(found)


async def shown(page: Page, drifted: dict[str, Any]) -> None:
    """The column that moved most comes first, with the numbers of REST."""
    first = page.locator("#drift tbody tr").first
    reading = next(each for each in drifted["features"] if each["name"] == MOVED)
    await expect(first.locator("th")).to_have_text(MOVED)
    await expect(first.locator(".state")).to_have_text("drifting")
    await expect(first.locator(".number").first).to_have_text(f"{reading['psi']:.2f}")
    said = await first.locator(".strip").get_attribute("aria-label")
    assert said == f"PSI of {MOVED} in 1 windows, oldest first: {reading['psi']:.2f}"


async def test_the_pages_show_the_column_that_drifts(
    screen: Screen, drifted: dict[str, Any]
) -> None:
    await screen.opens()
    await shown(screen.page, drifted)
    assert await barriers(screen.page) == []

    arms = [{"algorithm": 1}, {"algorithm": 2}]
    body = {"title": "drifting", "created_by": "tests", "mode": "shadow", "arms": arms}
    test = (await screen.asks("POST", "abtests", body))["id"]
    await screen.page.goto(f"{screen.url}/experiments/{test}")
    await shown(screen.page, drifted)
    assert await barriers(screen.page) == []
    await screen.asks("POST", f"stop_ab_test/{test}", {})
