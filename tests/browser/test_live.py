"""What happens elsewhere is on the screen at once, and comes back after a broken line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Page, WebSocketRoute, expect

from tests.browser.screen import ENDPOINT, Screen

SOON_MS = 250
SAMPLES = 7

# From the moment that the server has answered until the screen shows it.
UNTIL_MOVED = """async ({path, method, body, selector}) => {
  const texts = () => [...document.querySelectorAll(selector)].map((node) => node.textContent);
  const shown = () => texts().join();
  const before = shown();
  const moved = new Promise((resolve) => {
    const again = () => requestAnimationFrame(look);
    const look = () => shown() === before ? again() : resolve(performance.now());
    look();
  });
  const headers = {"Content-Type": "application/json"};
  const answer = await fetch(`/api/v1/${path}`, {method, headers, body: JSON.stringify(body)});
  const answered = performance.now();
  const answerBody = await answer.json();
  return {took: await moved - answered, id: answerBody.request_id};
}"""


@pytest.fixture
async def split(screen: Screen) -> AsyncIterator[int]:
    test = await screen.splits()
    yield test
    await screen.asks("POST", f"stop_ab_test/{test}", {})


async def moved(page: Page, method: str, path: str, body: object, shown: str) -> dict[str, Any]:
    given = {"method": method, "path": path, "body": body, "selector": shown}
    found: dict[str, Any] = await page.evaluate(UNTIL_MOVED, given)
    return found


@pytest.mark.alone
async def test_a_prediction_and_its_label_move_the_bars_within_a_quarter_of_a_second(
    screen: Screen, split: int
) -> None:
    await screen.opens()
    await expect(screen.verdict).to_be_visible()
    record = {"mean_radius": 14.0, "size": "medium"}
    predictions, labels = [], []
    for _ in range(SAMPLES):
        asked = await moved(screen.page, "POST", f"{ENDPOINT}/predict", record, ".arm .pending dd")
        predictions.append(asked["took"])
        path = f"mlrequests/{asked['id']}"
        told = await moved(screen.page, "PUT", path, {"feedback": "benign"}, ".arm .score")
        labels.append(told["took"])

    assert sorted(predictions)[SAMPLES // 2] < SOON_MS, predictions
    assert sorted(labels)[SAMPLES // 2] < SOON_MS, labels


async def test_the_screen_and_rest_say_the_same_after_the_line_was_cut(
    screen: Screen, split: int
) -> None:
    lines: list[WebSocketRoute] = []

    def through(line: WebSocketRoute) -> None:
        lines.append(line)
        line.connect_to_server()

    await screen.page.route_web_socket("**/ws/v1/live", through)
    await screen.opens()
    await lines[-1].close()
    await expect(screen.connection).to_have_text("Reconnecting")
    for _ in range(3):
        await screen.asks("POST", f"{ENDPOINT}/predict", {"mean_radius": 20.0})
    await expect(screen.connection).to_have_text("Live")

    said = await screen.asks("GET", f"abtests/{split}/live")

    assert len(lines) > 1
    for place, arm in enumerate(said["arms"]):
        pending = screen.page.locator(".arm .pending dd").nth(place)
        await expect(pending).to_have_text(str(arm["subjects"] - arm["labelled"]))


async def test_numbers_look_old_while_the_line_is_down(screen: Screen) -> None:
    lines: list[WebSocketRoute] = []

    def once(line: WebSocketRoute) -> None:
        lines.append(line)
        if len(lines) == 1:
            line.connect_to_server()

    await screen.page.route_web_socket("**/ws/v1/live", once)
    await screen.opens()
    await lines[0].close()

    await expect(screen.page.locator("#deck")).to_have_attribute("data-stale", "")


async def test_traffic_draws_curves_and_runs_past_in_the_list_of_results(screen: Screen) -> None:
    await screen.opens()

    for _ in range(5):
        await screen.asks("POST", f"{ENDPOINT}/predict", {"mean_radius": 9.0})

    await expect(screen.page.locator(".feed li:not([data-empty])").first).to_contain_text("benign")
    await expect(screen.page.locator(".panes canvas")).to_have_count(3)


async def test_nothing_jumps_while_numbers_run(screen: Screen, split: int) -> None:
    await screen.opens()
    record = {"mean_radius": 14.0}
    await screen.asks("POST", f"{ENDPOINT}/predict", record)
    await expect(screen.page.locator(".panes canvas")).to_have_count(3)
    await screen.page.evaluate(
        """() => {
          window.jumps = 0;
          const add = (list) => list.getEntries().forEach((entry) => window.jumps += entry.value);
          new PerformanceObserver(add).observe({type: "layout-shift"});
        }"""
    )

    for _ in range(30):
        await screen.asks("POST", f"{ENDPOINT}/predict", record)
    await asyncio.sleep(1.2)  # one more second's worth of operations

    assert await screen.page.evaluate("window.jumps") < 0.01
