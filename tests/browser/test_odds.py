"""Hostile names, a missing library, an empty server: the page stays a page."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable

from playwright.async_api import Route, expect

from tests.browser.hostile import HOSTILE
from tests.browser.screen import Screen, Script, algorithm, endpoint, operations


async def test_names_with_markup_are_shown_and_run_nothing(screen: Screen) -> None:
    script = Script(screen.page)
    for name in HOSTILE[::5]:
        await screen.page.unroute_all()
        await screen.page.route("**/api/v1/endpoints/*/schema", answering(schema(name)))
        await script.plays(
            operations(endpoint(name, algorithm(1, name), algorithm(2, name), experiment=1)),
            {"topic": f"results:{name}", "results": [result(name)]},
            experiment(name),
        )

        await screen.page.goto(screen.url)

        await expect(screen.page.locator("#title h2")).to_have_text(name)
        await expect(screen.verdict).to_have_text(name)
        await expect(screen.page.locator(".feature span")).to_have_text(name)
        await screen.button("Stop the test").click()
        await expect(screen.dialog).to_contain_text(name)
        assert await screen.page.evaluate("window.ran") is None
        assert await screen.page.locator("main script, main iframe, main img").count() == 0


def answering(body: dict[str, object]) -> Callable[[Route], Awaitable[None]]:
    async def answer(route: Route) -> None:
        await route.fulfill(json=body)

    return answer


def schema(name: str) -> dict[str, object]:
    return {
        "features": [{"name": name, "kind": "category", "categories": [name, "b"]}],
        "target": {"name": name, "task": "binary", "classes": [name, "other"]},
    }


def result(name: str) -> dict[str, object]:
    return {
        "request_id": 1,
        "algorithm": 1,
        "version": name,
        "label": name,
        "probability": 0.5,
        "latency_ms": 1.0,
        "at": "2026-01-02T03:04:05Z",
    }


def experiment(name: str) -> dict[str, object]:
    arm = {
        "arm": 1,
        "position": 1,
        "algorithm": 1,
        "name": name,
        "version": name,
        "weight": 1,
        "exposures": 10,
        "subjects": 10,
        "errors": 0,
        "labelled": 5,
        "correct": 4,
        "accuracy": 0.8,
        "score": 0.8,
        "mean_absolute_error": 0.0,
        "latency_ms": None,
        "chance_to_win": 0.5,
        "expected_loss": 0.1,
    }
    return {
        "topic": "experiment:1",
        "experiment": {
            "id": 1,
            "title": name,
            "endpoint": name,
            "task": "binary",
            "started_at": "2026-01-02T03:04:05Z",
            "ended_at": None,
            "summary": name,
            "rule": name,
            "mode": "split",
            "metric": "correctness",
            "figure": name,
            "coverage": 1.0,
            "minimum": 0,
            "alpha": 0.05,
            "horizon": 5000,
            "running": True,
        },
        "arms": [arm, arm | {"arm": 2, "position": 2}],
        "evidence": None,
        "verdict": {"code": "collecting", "sentence": name, "winner": None},
        "health": {"split": 1.0, "labels": 1.0, "fine": True},
        "history": {"n": [], "log_e": [], "difference": [], "low": [], "high": []},
    }


async def test_a_test_that_cannot_be_believed_says_so(screen: Screen) -> None:
    named, said = "e", "Unhealthy: traffic does not arrive as it was split."
    ill = {
        "verdict": {"code": "unhealthy", "sentence": said, "winner": None},
        "health": {"split": 1e-9, "labels": 0.25, "fine": False},
    }
    await screen.page.route("**/api/v1/endpoints/*/schema", answering(schema(named)))
    await Script(screen.page).plays(
        operations(endpoint(named, algorithm(1, named), algorithm(2, named), experiment=1)),
        experiment(named) | ill,
    )

    await screen.page.goto(screen.url)

    await expect(screen.verdict).to_have_text(said)
    health = screen.page.get_by_text("unhealthy", exact=True)
    await expect(health).to_have_attribute("data-status", "unhealthy")
    await expect(health).to_have_attribute("title", re.compile("p = less than 0.0001.*p = 0.25"))


async def test_the_page_works_without_its_plotting_library(screen: Screen) -> None:
    await screen.page.route("**/static/uplot/**", lambda route: route.abort())
    await screen.asks("POST", "breast_cancer/predict", {"mean_radius": 9.0})
    await screen.opens()

    await expect(screen.page.locator("#traffic")).to_contain_text("uPlot is not installed")
    await screen.button("Fill in an example").click()
    await screen.button("Predict").click()
    await expect(screen.answer.locator(".label")).to_be_visible()


async def test_an_empty_server_says_what_to_type_next(screen: Screen) -> None:
    await Script(screen.page).plays(operations())
    await screen.page.goto(screen.url)

    await expect(screen.page.locator("#welcome")).to_contain_text("manage.py demo breast_cancer")
    await expect(screen.page.locator("#welcome")).to_contain_text("make traffic")
    await expect(screen.button("Predict")).to_be_hidden()


async def test_an_idle_endpoint_shows_a_line_that_works_when_pasted(screen: Screen) -> None:
    await screen.opens("diabetes")
    line = await screen.page.locator("#traffic .command code").last.inner_text()
    record = json.loads(line.split(" -d '")[1].removesuffix("'"))

    answer = await screen.asks("POST", "diabetes/predict", record)

    assert line.startswith(f"curl -s '{screen.url}/api/v1/diabetes/predict'")
    assert answer["status"] == "OK"


async def test_a_silent_line_is_taken_for_dead(screen: Screen) -> None:
    script = Script(screen.page)
    await script.plays(operations())
    await screen.page.clock.install()
    await screen.page.goto(screen.url)
    await expect(screen.connection).to_have_text("Live")

    await screen.page.clock.run_for(7_000)

    assert script.connections >= 1
    await expect(screen.connection).not_to_have_text("Live")
