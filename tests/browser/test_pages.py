"""The list of experiments, the page of one, and operations: by address, keyboard and ear."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, WebSocketRoute, expect

from tests import servers
from tests.browser.hostile import HOSTILE
from tests.browser.screen import ENDPOINT, Screen, Script, endpoint, operations

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RECORD = {"mean_radius": 14.0, "size": "medium"}
# What must not hide or lie for those who cannot see or point; contrast is part of it.
SERIOUS = """async (source) => {
  (0, eval)(source);
  const found = await axe.run(document, {resultTypes: ["violations"]});
  return found.violations
    .filter(({impact}) => impact === "serious" || impact === "critical")
    .map(({id, nodes}) => `${id}: ${nodes.map((node) => node.html).slice(0, 3).join(" | ")}`);
}"""


@pytest.fixture(scope="module")
def mode() -> servers.Mode:
    """Where models run makes no difference to a page."""
    return "embedded"


@pytest.fixture
async def shadow(screen: Screen) -> AsyncIterator[int]:
    """A shadow test with some labels."""
    arms = [{"algorithm": 1}, {"algorithm": 2}]
    body = {"title": "in the shadow", "created_by": "tests", "mode": "shadow", "arms": arms}
    test = (await screen.asks("POST", "abtests", body))["id"]
    await played(screen, 12)
    yield test
    await screen.asks("POST", f"stop_ab_test/{test}", {})


async def played(screen: Screen, count: int) -> None:
    for number in range(count):
        answer = await screen.asks("POST", f"{ENDPOINT}/predict", RECORD)
        label = {"feedback": "malignant" if number % 3 else "benign"}
        await screen.asks("PUT", f"mlrequests/{answer['request_id']}", label)


async def barriers(page: Page) -> list[str]:
    found: list[str] = await page.evaluate(f"({SERIOUS})({json.dumps(AXE.read_text())})")
    return found


async def test_the_page_of_a_shadow_test_shows_what_rest_says_to_the_unit(
    screen: Screen, shadow: int
) -> None:
    await screen.page.goto(f"{screen.url}/experiments/{shadow}")
    await expect(screen.page.locator(".agreement")).to_be_visible()
    await played(screen, 9)
    said = await screen.asks("GET", f"abtests/{shadow}/live")
    champion, challenger = said["arms"]

    for cell in ("both", "only_control", "only_this", "neither"):
        shown = screen.page.locator(f".agreement .{cell} b")
        await expect(shown).to_have_text(str(challenger["pairs"][cell]))
    await expect(screen.counted("right")).to_have_text(str(champion["correct"]))
    await expect(screen.page.locator(".facts .exposures dd")).to_have_text("21")
    await expect(screen.page.locator(".operating tbody .number").first).to_have_text("21")
    await expect(screen.page).to_have_title("in the shadow · Weir")
    await expect(screen.button("Re-weight")).to_be_hidden()


async def test_the_page_of_a_split_says_what_rest_says_after_its_line_was_cut(
    screen: Screen,
) -> None:
    lines: list[WebSocketRoute] = []

    def through(line: WebSocketRoute) -> None:
        lines.append(line)
        line.connect_to_server()

    await screen.page.route_web_socket("**/ws/v1/live", through)
    test = await screen.splits()
    await screen.page.goto(f"{screen.url}/experiments/{test}")
    await expect(screen.connection).to_have_text("Live")
    await lines[-1].close()
    await expect(screen.connection).to_have_text("Reconnecting")
    await played(screen, 8)
    await expect(screen.connection).to_have_text("Live")
    said = await screen.asks("GET", f"abtests/{test}/live")

    exposures = sum(arm["exposures"] for arm in said["arms"])
    await expect(screen.page.locator(".facts .exposures dd")).to_have_text(str(exposures))
    for place, each in enumerate(said["arms"]):
        counts = screen.page.locator(".arm").nth(place).locator(".counts")
        await expect(counts.locator(".right dd")).to_have_text(str(each["correct"]))
        wrong = str(each["labelled"] - each["correct"])
        await expect(counts.locator(".wrong dd")).to_have_text(wrong)
        answered = screen.page.locator(".operating tbody tr").nth(place).locator(".number").first
        await expect(answered).to_have_text(str(each["exposures"]))
    assert len(lines) > 1
    await screen.asks("POST", f"stop_ab_test/{test}", {})


async def test_what_a_verdict_rests_on_is_one_click_away(screen: Screen, shadow: int) -> None:
    await screen.page.goto(f"{screen.url}/experiments/{shadow}")
    await screen.page.get_by_text("What this rests on").click()

    await expect(screen.page.locator(".basis")).to_contain_text("share of right labels")
    await expect(screen.page.locator(".basis")).to_contain_text("nobody is promoted")


async def test_the_list_leads_to_each_test(screen: Screen, shadow: int) -> None:
    await screen.page.goto(f"{screen.url}/experiments")
    row = screen.page.locator(".listing tbody tr").first
    await expect(row).to_contain_text("in the shadow")
    await expect(row).to_contain_text("Collecting labels")

    await row.get_by_role("link", name="in the shadow").click()
    await expect(screen.page).to_have_url(f"{screen.url}/experiments/{shadow}")
    await screen.page.get_by_role("link", name="Experiments", exact=True).first.click()
    await expect(screen.page).to_have_url(f"{screen.url}/experiments")


async def test_operations_say_what_waits_and_what_was_refused(screen: Screen) -> None:
    await screen.page.goto(f"{screen.url}/operations")

    row = screen.page.locator(".listing tbody tr", has_text=ENDPOINT)
    await expect(row).to_be_visible()
    await row.get_by_role("link").click()
    await expect(screen.page).to_have_url(f"{screen.url}/endpoints/{ENDPOINT}")
    await expect(screen.page.locator("#title h2")).to_have_text(ENDPOINT)


async def test_a_test_that_is_not_there_is_said_to_be_missing(screen: Screen) -> None:
    await screen.page.goto(f"{screen.url}/experiments/999999")

    await expect(screen.page.locator("#missing")).to_have_text("There is no experiment 999999.")


async def test_weights_are_changed_by_hand_after_the_consequence_was_said(screen: Screen) -> None:
    test = await screen.splits()
    await screen.page.goto(f"{screen.url}/experiments/{test}")
    await screen.button("Re-weight").click()
    await screen.dialog.get_by_label("Weight of extra trees 0.0.1").fill("3")
    await expect(screen.dialog).to_contain_text("extra trees 0.0.1 75 %")
    await screen.dialog.get_by_role("button", name="Begin a new phase").click()
    await expect(screen.dialog).to_be_hidden()

    await expect(screen.page.locator(".arm .share").nth(1)).to_have_text("75 %")
    assert (await screen.asks("GET", f"abtests/{test}"))["phase"] == 2
    await screen.asks("POST", f"stop_ab_test/{test}", {})


async def test_a_challenger_is_promoted_and_taken_back_with_the_keyboard_alone(
    screen: Screen,
) -> None:
    """Of any test, each with its consequence before it happens."""
    test = await screen.splits()
    await screen.page.goto(f"{screen.url}/experiments/{test}")
    await screen.button("Promote now").focus()
    await screen.page.keyboard.press("Enter")
    dialog = screen.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("answers all default traffic of")
    await expect(dialog).to_contain_text("cannot be resumed")
    await dialog.get_by_role("button", name="Promote it").focus()
    await screen.page.keyboard.press("Enter")
    await expect(screen.button("Promote now")).to_be_hidden()
    assert (await screen.asks("GET", "mlalgorithms/2"))["current_status"] == "production"

    await screen.asks("POST", "mlalgorithmstatuses", status_of(1, "production"))
    test = await screen.splits()
    await screen.page.goto(f"{screen.url}/experiments/{test}")
    await screen.button("Roll back").focus()
    await screen.page.keyboard.press("Enter")
    await expect(dialog).to_contain_text("will be marked as rolled back")
    await dialog.get_by_role("button", name="Roll it back").focus()
    await screen.page.keyboard.press("Enter")
    await expect(screen.button("Roll back")).to_be_hidden()
    statuses = [each["current_status"] for each in await screen.asks("GET", "mlalgorithms")]
    assert statuses[:2] == ["production", "rolled_back"]
    await screen.asks("POST", "mlalgorithmstatuses", status_of(2, "testing"))


def status_of(algorithm: int, status: str) -> dict[str, Any]:
    return {"status": status, "created_by": "tests", "parent_mlalgorithm": algorithm}


async def test_a_shadow_test_is_started_and_stopped_with_the_keyboard_alone(
    screen: Screen,
) -> None:
    await screen.opens()
    keyboard = screen.page.keyboard
    await screen.button("Start a test").focus()
    await keyboard.press("Enter")
    await expect(screen.dialog).to_be_visible()
    await reach(screen.page, "test-mode")
    await keyboard.type("Shadow")
    await expect(screen.dialog).to_contain_text("goes on answering all default traffic")
    await reach(screen.page, "test-metric")
    await keyboard.type("log loss")
    await keyboard.press("Enter")
    await screen.dialog.get_by_role("button", name="Start the test").focus()
    await keyboard.press("Enter")
    await expect(screen.dialog).to_be_hidden()
    await expect(screen.page.locator("#experiment")).to_contain_text("shadow")

    running = [test for test in await screen.asks("GET", "abtests") if not test["ended_at"]]
    assert [(test["mode"], test["metric"]) for test in running] == [("shadow", "log_loss")]
    await screen.button("Stop the test").focus()
    await keyboard.press("Enter")
    await keyboard.press("Tab")
    await keyboard.press("Enter")
    await expect(screen.page.locator("#experiment")).to_contain_text("ended")


async def reach(page: Page, field: str) -> None:
    """By the Tab key, as often as it takes."""
    for _ in range(40):
        if await page.evaluate("document.activeElement?.id") == field:
            return
        await page.keyboard.press("Tab")
    pytest.fail(f"the keyboard does not reach {field}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_stands_in_the_way_of_anybody(
    screen: Screen, shadow: int, scheme: Any
) -> None:
    await screen.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    for path in ("", "experiments", f"experiments/{shadow}", "operations"):
        await screen.page.goto(f"{screen.url}/{path}")
        await expect(screen.connection).to_have_text("Live")
        await expect(screen.page.locator(".panel table, .agreement").first).to_be_visible()

        assert await barriers(screen.page) == [], path


async def test_a_barrier_would_be_seen(screen: Screen) -> None:
    await screen.page.goto(f"{screen.url}/operations")
    await screen.page.evaluate(
        "document.querySelector('main').append(document.createElement('input'))"
    )

    assert [found for found in await barriers(screen.page) if found.startswith("label")]


@pytest.mark.parametrize("width", [390, 1440])
async def test_no_page_is_wider_than_its_screen(screen: Screen, shadow: int, width: int) -> None:
    await screen.page.set_viewport_size({"width": width, "height": 900})
    for path in ("experiments", f"experiments/{shadow}", "operations"):
        await screen.page.goto(f"{screen.url}/{path}")
        await expect(screen.page.locator(".panel table, .agreement").first).to_be_visible()

        assert await screen.page.evaluate("document.documentElement.scrollWidth") <= width, path


async def test_forty_hostile_names_run_nowhere(screen: Screen) -> None:
    script = Script(screen.page)
    await script.plays(operations(endpoint(HOSTILE[0])), snapshot())
    await screen.page.goto(f"{screen.url}/experiments/1")
    await expect(screen.page.locator(".events li")).to_have_count(len(HOSTILE))
    await expect(screen.page.locator(".segments tbody tr")).to_have_count(len(HOSTILE))
    assert await harmless(screen.page)
    await screen.button("Stop the test").click()
    assert await harmless(screen.page)

    tests = [listed(number, name) for number, name in enumerate(HOSTILE, 1)]
    await screen.page.route("**/api/v1/abtests", lambda route: route.fulfill(json=tests))
    await screen.page.goto(f"{screen.url}/experiments")
    await expect(screen.page.locator(".listing tbody tr")).to_have_count(len(HOSTILE))
    assert await harmless(screen.page)


async def harmless(page: Page) -> bool:
    strange = "main script, main iframe, main img, main object, main embed, main base, main form"
    return await page.evaluate("window.ran") is None and await page.locator(strange).count() == 0


def listed(number: int, name: str) -> dict[str, object]:
    return {
        "id": number,
        "title": name,
        "endpoint": name,
        "mode": name,
        "created_at": "2026-01-02T03:04:05Z",
        "ended_at": "2026-01-02T03:05:05Z",
        "outcome": name,
        "summary": name,
    }


def snapshot() -> dict[str, Any]:
    """Hostile wherever somebody may have typed something."""
    evidence = {"difference": 0.1, "interval": [0.01, 0.2], "log_e": 4.0, "threshold": 3.0}
    arms = [arm(number, name) for number, name in enumerate(HOSTILE[:10], 1)]
    return {
        "topic": "experiment:1",
        "experiment": listed(1, HOSTILE[1])
        | {
            "task": "binary",
            "mode": "shadow",
            "metric": "correctness",
            "figure": HOSTILE[2],
            "segment": HOSTILE[3],
            "started_at": "2026-01-02T03:04:05Z",
            "ended_at": None,
            "rule": HOSTILE[4],
            "alpha": 0.05,
            "coverage": 1.0,
            "minimum": 0,
            "running": True,
        },
        "arms": arms,
        "evidence": evidence | {"p_value": 0.01},
        "verdict": {"code": HOSTILE[5], "sentence": " ".join(HOSTILE), "winner": None},
        "health": {"split": 1.0, "labels": 1.0, "fine": True},
        "guardrails": [
            evidence | {"name": name, "state": name, "sentence": name, "arm": 2} for name in HOSTILE
        ],
        "segments": [
            {"segment": name, "arms": arms[:2], "evidence": evidence, "verdict": name}
            for name in HOSTILE
        ],
        "events": [
            {"at": f"2026-01-02T03:04:{second:02}Z", "by": name, "what": name, "why": name}
            for second, name in enumerate(HOSTILE)
        ],
        "history": {"n": [], "log_e": [], "difference": [], "low": [], "high": []},
    }


def arm(number: int, name: str) -> dict[str, Any]:
    return {
        "arm": number,
        "position": number,
        "algorithm": number,
        "name": name,
        "version": name,
        "weight": 1,
        "exposures": 300,
        "subjects": 300,
        "errors": 1,
        "labelled": 200,
        "correct": 150,
        "accuracy": 0.75,
        "score": 0.75,
        "low_score": 0.7,
        "high_score": 0.8,
        "latency_ms": None,
        "chance_to_win": 0.5,
        "expected_loss": 0.1,
        "pairs": {"both": 100, "only_control": 20, "only_this": 50, "neither": 30, "alike": 130},
    }


async def test_a_version_is_promoted_and_taken_back_from_the_page_of_its_endpoint(
    screen: Screen,
) -> None:
    await screen.asks("POST", "mlalgorithmstatuses", status_of(1, "production"))
    await screen.page.goto(f"{screen.url}/endpoints/{ENDPOINT}")
    dialog = screen.page.get_by_role("dialog")
    await screen.page.get_by_role("button", name="Promote extra trees 0.0.1").click()
    await expect(dialog).to_contain_text("It was not judged yet")
    await dialog.get_by_label("Why", exact=True).fill("it is the better one")
    await dialog.get_by_role("button", name="Promote it").click()

    await screen.page.get_by_role("button", name="Roll back extra trees 0.0.1").click()
    await expect(dialog).to_contain_text("marked as rolled back")
    await dialog.get_by_role("button", name="Roll it back").click()

    # Nobody serves what was rolled back, so it is not among the algorithms any more.
    await expect(screen.page.locator("#algorithms")).not_to_contain_text("extra trees")
    assert (await screen.asks("GET", "mlalgorithms/1"))["current_status"] == "production"
    kept = await screen.asks("GET", "audit?algorithm=2&limit=100")
    assert "it is the better one" in [each["why"] for each in kept]
    assert kept[-1]["after"] == "rolled_back"
    await screen.asks("POST", "mlalgorithmstatuses", status_of(2, "testing"))
