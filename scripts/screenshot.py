"""Takes the README's pictures of the dashboard from a running `freshmart demo`, with the machine's Chromium.

    python scripts/screenshot.py                                        # http://localhost:6066 → docs/images/
    python scripts/screenshot.py http://localhost:6066/#token=… --into /tmp/pictures

One picture of all stores, one of the first store's stock, and one as a telephone shows it in the dark.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import Error as PlaywrightError

# Without these Chromium looks up its maker's hosts at every start, which a closed network refuses many at a time.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MILLISECONDS = 1_000


@dataclass(frozen=True)
class Picture:
    """One picture: its file, its size, its colours, and whether it shows a store instead of all."""

    name: str
    width: int
    height: int
    scheme: str
    of_store: bool = False


PICTURES = (
    Picture("dashboard.png", 1440, 900, "light"),
    Picture("store.png", 1440, 900, "light", of_store=True),
    Picture("telephone.png", 390, 844, "dark"),
)


def take(browser: Browser, picture: Picture, url: str, language: str, patience: float, folder: Path) -> None:
    """Take one picture; waits until there is something to see on it."""
    page = browser.new_page(
        viewport={"width": picture.width, "height": picture.height},
        color_scheme="dark" if picture.scheme == "dark" else "light",
        locale="de-DE" if language == "de" else "en-GB",
        reduced_motion="reduce",
        device_scale_factor=2,
    )
    page.set_default_timeout(patience * MILLISECONDS)
    page.goto(url)
    page.locator("#stores tbody tr").first.wait_for()
    page.locator("#reorders li").first.wait_for()
    page.locator("#hours svg.hours").wait_for()
    if picture.of_store:
        page.locator(".row-link").first.click()
        page.locator("#stock tbody tr").first.wait_for()
        page.locator("#hours svg.hours").wait_for()
    _settle(page)
    page.screenshot(path=folder / picture.name)
    page.close()


def _settle(page: Page) -> None:
    """Two polls more, so that all panels show the same moment; the pointer rests where it changes nothing."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(2 * MILLISECONDS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Take all pictures; 0 done, 1 failed, 2 no browser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", nargs="?", default="http://localhost:6066/", help="the dashboard's address")
    parser.add_argument("--into", type=Path, default=Path(__file__).parents[1] / "docs" / "images", help="folder")
    parser.add_argument("--language", choices=("en", "de"), default="en")
    parser.add_argument("--wait", type=float, default=60.0, help="seconds to wait for something to see")
    options = parser.parse_args(arguments)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("no Chromium on this machine (Debian: apt-get install chromium)", file=sys.stderr)
        return 2
    options.into.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        try:
            for picture in PICTURES:
                take(browser, picture, options.url, options.language, options.wait, options.into)
                print(options.into / picture.name)
        except PlaywrightError as error:
            print(f"{options.url} shows nothing to take a picture of: {error.message.splitlines()[0]}", file=sys.stderr)
            return 1
        finally:
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
