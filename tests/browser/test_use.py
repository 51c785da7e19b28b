"""What a person does on the page: asks a model, tells it the truth, starts and stops a test."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import WebSocket, expect

from tests.browser.screen import ENDPOINT, Screen


async def test_a_form_made_from_the_schema_is_answered_over_the_socket(screen: Screen) -> None:
    sent: list[str] = []

    def opened(socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: sent.append(str(frame)))

    screen.page.on("websocket", opened)
    await screen.opens()

    await screen.button("Fill in an example").click()
    await screen.button("Predict").click()

    await expect(screen.answer).to_contain_text(re.compile("benign|malignant"))
    assert [frame for frame in sent if '"record"' in frame]


async def test_the_truth_about_an_answer_can_be_told(screen: Screen) -> None:
    await screen.opens()
    await screen.button("Fill in an example").click()
    await screen.button("Predict").click()

    await screen.answer.get_by_role("button", name="malignant").click()

    await expect(screen.answer).to_contain_text("Recorded: malignant was right.")
    # Other tests of this server say what was right, too; the latest answer is ours.
    last = max(await screen.asks("GET", "mlrequests"), key=lambda row: row["id"])
    assert last["feedback"] == "malignant"


async def test_a_number_is_asked_for_where_a_number_is_answered(screen: Screen) -> None:
    await screen.opens("diabetes")
    await screen.button("Fill in an example").click()
    await screen.button("Predict").click()

    await screen.page.get_by_label("The right value").fill("151.5")
    await screen.button("Record").click()

    await expect(screen.answer).to_contain_text("Recorded: 151.5 was right.")


async def test_an_endpoint_of_tensors_has_a_line_instead_of_a_form(
    screen: Screen, graph: str
) -> None:
    await screen.page.goto(f"{screen.url}/#/{graph}")

    await expect(screen.page.locator("#trial")).to_contain_text("takes tensors")
    line = '{"text":[""],"loud":false}'
    await expect(screen.page.locator("code").filter(has_text=line)).to_be_visible()
    await expect(screen.button("Fill in an example")).to_be_hidden()
    await screen.page.goto(f"{screen.url}/#/{ENDPOINT}")
    await expect(screen.button("Fill in an example")).to_be_visible()


async def test_a_wrong_value_marks_its_field_and_says_why(screen: Screen) -> None:
    await screen.opens()
    field = screen.page.get_by_label("mean_radius", exact=True)
    await field.fill("wide")

    await screen.button("Predict").click()

    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_be_focused()
    await expect(screen.answer).to_contain_text("mean_radius must be a number")


async def test_an_empty_form_is_refused_in_words(screen: Screen) -> None:
    await screen.opens()

    await screen.button("Predict").click()

    await expect(
        screen.answer.locator(".problem, .answered").locator("visible=true")
    ).to_have_count(1)


async def test_a_test_is_started_and_stopped_by_hand_and_each_says_what_it_does(
    screen: Screen,
) -> None:
    await screen.opens()
    await screen.button("Start a test").click()
    await screen.dialog.get_by_label("Weight of extra trees 0.0.1").fill("3")
    await expect(screen.dialog).to_contain_text("random forest 0.0.1 gets 25 %")
    await screen.dialog.get_by_label("Title").fill("by hand")
    await screen.dialog.get_by_role("button", name="Start the test").click()
    await expect(screen.page.locator("#experiment")).to_contain_text("by hand")
    await expect(screen.page.locator("#experiment")).to_contain_text("running")

    await screen.button("Stop the test").click()
    await expect(screen.dialog).to_contain_text("one algorithm answers all default traffic")
    await screen.page.keyboard.press("Escape")
    await expect(screen.dialog).to_be_hidden()
    assert [test for test in await screen.asks("GET", "abtests") if not test["ended_at"]]

    await screen.button("Stop the test").click()
    await screen.dialog.get_by_role("button", name="Stop the test").click()
    await expect(screen.page.locator("#experiment")).to_contain_text("ended")
    await expect(screen.page.locator(".summary")).to_contain_text("Algorithm #1 accuracy")


async def test_a_test_that_ended_is_still_there_after_a_reload(screen: Screen) -> None:
    test = await screen.splits()
    await screen.asks("POST", f"stop_ab_test/{test}", {})

    await screen.opens()

    await expect(screen.page.locator("#experiment")).to_contain_text("forest or trees")
    await expect(screen.button("Start a test")).to_be_enabled()


async def test_a_refusal_stays_in_the_dialog(screen: Screen) -> None:
    await screen.opens()
    await screen.button("Start a test").click()
    await screen.dialog.get_by_role("checkbox").first.uncheck()

    await screen.dialog.get_by_role("button", name="Start the test").click()

    await expect(screen.dialog.get_by_role("alert")).to_contain_text("at least two algorithms")


async def test_the_keyboard_reaches_everything_and_is_seen(screen: Screen) -> None:
    await screen.opens()
    await screen.page.evaluate("document.activeElement.blur()")
    reached: list[Any] = []
    for _ in range(14):
        await screen.page.keyboard.press("Tab")
        reached.append(
            await screen.page.evaluate(
                """() => {
                  const node = document.activeElement;
                  const text = node.textContent.trim().slice(0, 24);
                  return [text, getComputedStyle(node).outlineStyle];
                }"""
            )
        )

    assert reached[0][0] == "Skip to the content"
    assert any(text.startswith("breast_cancer") for text, _ in reached)
    assert any(text == "Start a test" for text, _ in reached)
    assert {outline for _, outline in reached} == {"solid"}


async def test_an_endpoint_is_chosen_by_its_link_and_kept_in_the_address(screen: Screen) -> None:
    await screen.opens()

    await screen.page.locator(".endpoints a", has_text="diabetes").focus()
    await screen.page.keyboard.press("Enter")

    await expect(screen.page.locator("#title h2")).to_have_text("diabetes")
    assert screen.page.url.endswith("#/diabetes")
    await expect(screen.page).to_have_title("diabetes · Weir")


async def test_a_chosen_theme_survives_a_reload(screen: Screen) -> None:
    await screen.opens()
    await screen.page.get_by_role("button", name="Switch to the dark theme").click()

    await screen.page.reload()

    assert await screen.page.evaluate("document.documentElement.dataset.theme") == "dark"
    background = "getComputedStyle(document.querySelector('.deck')).backgroundColor"
    assert await screen.page.evaluate(background) == "rgb(14, 22, 23)"


async def test_nothing_is_wider_than_the_screen(screen: Screen) -> None:
    await screen.opens(ENDPOINT)
    for width in (390, 768, 1024, 1440, 1920):
        await screen.page.set_viewport_size({"width": width, "height": 900})
        assert await screen.page.evaluate("document.documentElement.scrollWidth") <= width


async def test_who_wants_less_motion_gets_none(screen: Screen) -> None:
    await screen.page.emulate_media(reduced_motion="reduce")
    await screen.opens()

    moving = "getComputedStyle(document.querySelector('#deck')).transitionDuration"
    assert await screen.page.evaluate(moving) == "0s"
