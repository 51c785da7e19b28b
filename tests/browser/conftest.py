"""A real server with one trained demo, and a real browser to look at it with."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests import servers
from tests.browser.screen import Screen
from tests.inference import onnxgraphs
from tests.servers import Server

HERE = Path(__file__).parent
NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESK: Final = {"width": 1440, "height": 900}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(90))


@pytest.fixture(scope="session")
def chromium() -> str:
    """The system's own; Playwright's download is not used."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("There is no Chromium here.")
        pytest.skip("There is no Chromium here.")
    return found


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return servers.prepare(tmp_path_factory.mktemp("trained"), ["breast_cancer", "diabetes"])


@pytest.fixture(scope="module")
def server(
    chromium: str, mode: servers.Mode, trained: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """One for a module; asked for after the browser, which may be missing."""
    data = servers.copy(trained, tmp_path_factory.mktemp("server") / "data")
    with Server(data, mode=mode) as running:
        yield running


@pytest.fixture(scope="module")
def graph(server: Server) -> str:
    """An endpoint that takes tensors."""
    path = server.data / "words.onnx"
    path.write_bytes(onnxgraphs.parsed(onnxgraphs.WORDS))
    names = ("--endpoint", "words", "--name", "graph", "--version", "1", "--status", "production")
    servers.manage(server.data, "register", str(path), *names, env=server.env)
    return "words"


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield browser
        await browser.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page that fails the test if a script fails, or if the policy had to stop something."""
    context = await browser.new_context(viewport=DESK)  # type: ignore[arg-type]  # a TypedDict
    page = await context.new_page()
    page.set_default_timeout(15_000)
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: troubles.append(said.text) if _alarming(said.text) else None)
    yield page
    await context.close()
    assert troubles == []


def _alarming(text: str) -> bool:
    return "Content Security Policy" in text or "Refused to" in text


@pytest.fixture
async def screen(page: Page, server: Server) -> Screen:
    return Screen(page, server.url)
