"""The console in a real browser, on a desk and on a phone, and the eyes of axe."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

ROOT = Path(__file__).parents[2]
AXE = ROOT / "sdk/node_modules/axe-core/axe.min.js"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDTHS = {"desk": 1280, "phone": 390}
SCREENS = os.environ.get("DASI_SCREENS")
"""A folder: then every page is also photographed into it."""
_RUN_AXE = """async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  return found.violations
    .filter((one) => one.impact === "serious" || one.impact === "critical")
    .map((one) => [one.id, one.nodes.slice(0, 4).map(
      (node) => node.html + " " + (node.any[0]?.message || ""))]);
}"""


@asynccontextmanager
async def opened_browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def opened_page(
    browser: Browser, *, language: str = "ko", width: int = WIDTHS["desk"], **more: Any
) -> AsyncIterator[Page]:
    """A page that fails the test when it tries to reach another host or breaks its policy."""
    context: BrowserContext = await browser.new_context(
        locale="ko-KR" if language == "ko" else "en-US",
        viewport={"width": width, "height": 900},
        **more,
    )
    context.set_default_timeout(15_000)
    complaints: list[str] = []
    page = await context.new_page()
    page.on(
        "request",
        lambda request: (
            complaints.append(request.url)
            if not request.url.startswith(("http://127.0.0.1:", "http://localhost:", "data:"))
            else None
        ),
    )
    page.on(
        "console",
        lambda line: (
            complaints.append(line.text) if "Content Security Policy" in line.text else None
        ),
    )
    try:
        yield page
        assert not complaints, complaints
    finally:
        await context.close()


async def serious_violations(page: Page) -> list[Any]:
    """What axe finds. It is evaluated, not added as a script, because the policy forbids those."""
    await page.evaluate(AXE.read_text())
    violations: list[Any] = await page.evaluate(_RUN_AXE)
    return violations


async def photograph(page: Page, name: str) -> None:
    if SCREENS:
        await page.screenshot(path=f"{SCREENS}/{name}.png", full_page=True)
