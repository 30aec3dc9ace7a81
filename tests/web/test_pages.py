"""The dashboard's files: small, complete, in two languages, and asking nobody else."""

import gzip
import json
import re
from importlib.resources import files

import pytest

from freshmart_streams.events.alerts import AlertKind
from freshmart_streams.events.decisions import OrderStatus
from freshmart_streams.events.values import Mode
from freshmart_streams.web.schema import StockStatus
from tests.web.conftest import Connect
from tests.web.fakes import Site

STATIC = {
    entry.name: entry.read_text(encoding="utf-8")
    for entry in files("freshmart_streams.web").joinpath("static").iterdir()
    if entry.is_file()
}
SCRIPTS = {name: text for name, text in STATIC.items() if name.endswith(".js")}
GERMAN = json.loads(STATIC["messages.de.json"])
ENGLISH = json.loads(STATIC["messages.en.json"])


class TestFiles:
    def test_scripts_and_styles_are_at_most_60_kb_compressed(self) -> None:
        sent = [len(gzip.compress(text.encode(), 9)) for name, text in STATIC.items() if name.endswith((".js", ".css"))]
        assert sum(sent) <= 60_000

    @pytest.mark.parametrize("name", sorted(STATIC))
    def test_name_no_foreign_address(self, name: str) -> None:
        addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+", STATIC[name]))
        assert addresses <= {"http://www.w3.org"}  # the name of SVG, which nobody asks

    def test_page_has_no_inline_script_or_style(self) -> None:
        page = STATIC["index.html"]
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\son\w+=|\sstyle=", page)

    def test_scripts_never_set_markup(self) -> None:
        for name, script in SCRIPTS.items():
            assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script), name

    def test_every_file_that_is_named_is_there(self) -> None:
        named = set(re.findall(r"/static/([\w.]+)", STATIC["index.html"]))
        named |= {name for script in SCRIPTS.values() for name in re.findall(r'from "\./([\w.]+)"', script)}
        assert named <= set(STATIC)


class TestMessages:
    def test_are_the_same_in_both_languages(self) -> None:
        assert list(GERMAN) == list(ENGLISH)
        for key, text in GERMAN.items():
            assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", ENGLISH[key])), key

    def test_name_every_state_kind_and_mode(self) -> None:
        wanted = {f"status.{status}" for status in StockStatus}
        wanted |= {f"order.{status}" for status in OrderStatus}
        wanted |= {f"mode.{mode}" for mode in Mode}
        wanted |= {f"alert.{kind}" for kind in AlertKind} | {f"alert.{kind}.do" for kind in AlertKind}
        assert wanted <= set(GERMAN)

    def test_exist_for_every_key_that_is_used(self) -> None:
        used = set(re.findall(r'data-t(?:-label|-placeholder)?="([\w.]+)"', STATIC["index.html"]))
        for script in SCRIPTS.values():
            used |= set(re.findall(r'\bt\("([\w.]+)"', script))
        missing = {key for key in used if key not in GERMAN and f"{key}.other" not in GERMAN}
        assert used
        assert not missing


class TestServed:
    @pytest.mark.parametrize(
        ("language", "tag"), [("de", b'lang="de"'), ("en-GB,en", b'lang="en"'), ("fr", b'lang="en"')]
    )
    async def test_page_is_in_the_language_of_the_browser(
        self, connect: Connect, site: Site, language: str, tag: bytes
    ) -> None:
        client = await connect(site)
        response = await client.get("/", headers={"Accept-Language": language})
        assert response.content_type == "text/html"
        assert tag in (await response.read())[:80]

    async def test_files_are_compressed_for_who_takes_it_under_a_tag_of_their_own(
        self, connect: Connect, site: Site
    ) -> None:
        client = await connect(site)
        zipped = await client.get("/static/app.css", headers={"Accept-Encoding": "gzip"})
        plain = await client.get("/static/app.css", headers={"Accept-Encoding": "identity"})
        assert zipped.headers["Content-Encoding"] == "gzip"
        assert "Content-Encoding" not in plain.headers
        assert await zipped.read() == await plain.read() == STATIC["app.css"].encode()
        assert zipped.headers["ETag"] != plain.headers["ETag"]
        again = await client.get(
            "/static/app.css", headers={"Accept-Encoding": "gzip", "If-None-Match": zipped.headers["ETag"]}
        )
        assert again.status == 304

    @pytest.mark.parametrize(
        ("name", "media_type"),
        [
            ("app.js", "text/javascript"),
            ("app.css", "text/css"),
            ("messages.de.json", "application/json"),
            ("favicon.svg", "image/svg+xml"),
        ],
    )
    async def test_files_have_their_type(self, connect: Connect, site: Site, name: str, media_type: str) -> None:
        client = await connect(site)
        assert (await client.get(f"/static/{name}")).content_type == media_type
