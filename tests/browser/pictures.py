"""`make screenshots`: pages of a real server under traffic, in both themes, on desk and phone."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, async_playwright, expect

from tests import servers
from tests.processes import until
from tests.servers import ROOT, Server

PICTURES: Final = ROOT / "docs" / "pictures"
DEMOS: Final = ("breast_cancer", "digits")
ROWS_A_SECOND: Final = "60"
LABELLED: Final = 900  # of the split, before the pictures are taken
PATIENCE: Final = 300.0  # seconds until then
SIZES: Final = {"desk": (1440, 900), "phone": (390, 844)}
PAGES: Final = {
    "endpoint": "endpoints/breast_cancer",
    "experiments": "experiments",
    "split": "experiments/2",
    "shadow": "experiments/1",
    "operations": "operations",
}
WHOLE: Final = ("split",)  # on a desk it is shown to its end
ONCE: Final = ("endpoint",)  # large, and drawn in no other way elsewhere: light, on a desk


def main() -> int:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.stderr.write("There is no Chromium here.\n")
        return 1
    with tempfile.TemporaryDirectory() as place:
        data = servers.prepare(Path(place) / "data", DEMOS)
        with Server(data) as server, _played(server):
            _until_labelled(server)
            asyncio.run(_taken(server.url, chromium))
    return 0


@contextmanager
def _played(server: Server) -> Iterator[None]:
    """A shadow test of the second demo, and traffic, which starts a split of the first."""
    body = {
        "title": "would extra trees do better?",
        "created_by": "screenshots",
        "mode": "shadow",
        "arms": [{"algorithm": 3}, {"algorithm": 4}],
    }
    _asked(f"{server.url}/api/v1/abtests", body)
    words = ["traffic", "--url", server.url, "--rate", ROWS_A_SECOND, "--duration", "600"]
    playing = subprocess.Popen(  # our own command
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=servers.environment(server.data),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        playing.terminate()
        playing.wait()


def _until_labelled(server: Server) -> None:
    def enough() -> bool:
        if len(_asked(f"{server.url}/api/v1/abtests")) < 2:
            return False
        said = _asked(f"{server.url}/api/v1/abtests/2/live")
        labelled: int = sum(arm["labelled"] for arm in said["arms"])
        return labelled >= LABELLED

    until(enough, f"There are no {LABELLED} labels.", PATIENCE)


async def _taken(url: str, chromium: str) -> None:
    PICTURES.mkdir(exist_ok=True)
    async with async_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu"]
        browser = await playwright.chromium.launch(executable_path=chromium, args=flags)
        for page, size, theme in itertools.product(PAGES, SIZES, ("light", "dark")):
            if page not in ONCE or (size, theme) == ("desk", "light"):
                await _picture(browser, url, page, size, theme)
        await browser.close()


async def _picture(browser: Browser, url: str, name: str, size: str, theme: Any) -> None:
    width, height = SIZES[size]
    page = await browser.new_page(
        viewport={"width": width, "height": height}, color_scheme=theme, reduced_motion="reduce"
    )
    page.set_default_timeout(60_000)  # a machine may be busy with the traffic
    await page.goto(f"{url}/{PAGES[name]}")
    await expect(page.locator("#connection")).to_have_text("Live")
    await expect(page.locator(".board, .listing").locator("visible=true").first).to_be_visible()
    await page.evaluate("document.fonts.ready")
    whole = size == "desk" and name in WHOLE
    await page.screenshot(path=PICTURES / f"{name}-{size}-{theme}.png", full_page=whole)
    await page.close()


def _asked(url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310  # http, ours
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # http, ours
        return json.load(answer)


if __name__ == "__main__":
    sys.exit(main())
