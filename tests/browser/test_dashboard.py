"""The dashboard as a person meets it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from freshmart_streams import tables
from freshmart_streams.domain import times
from freshmart_streams.domain.books import KnownProduct
from freshmart_streams.domain.service import Service
from freshmart_streams.domain.stock import Stock
from freshmart_streams.events.master_data import Product
from tests.browser.conftest import PATIENCE, Served, Visitor
from tests.web import shop
from tests.web.fakes import Site
from tests.web.tokens import write_tokens

BONN = shop.STORES[0]

CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8").partition("\n")[2]  # below its comment


def net(page: Page) -> str:
    return page.locator("#figures-list .net .value").inner_text()


class TestOverview:
    def test_shows_today_stores_decisions_and_alerts(self, served: Served, visit: Visitor) -> None:
        page = visit(served).go()
        expect(page.locator("h1#place-title")).to_have_text("All stores")
        expect(page.locator("#stores tbody tr")).to_have_count(len(shop.STORES))
        expect(page.locator("#reorders li").first).to_contain_text("selling day")
        expect(page.locator("#alerts li")).not_to_have_count(0)
        expect(page.locator("#hours svg.hours .hour.running")).to_have_count(1)
        expect(page.locator("#pulse")).to_have_attribute("data-state", "live")

    def test_shows_the_stores_clock_and_never_the_browsers(self, served: Served, visit: Visitor) -> None:
        page = visit(served, timezone_id="America/New_York").go()
        expect(page.locator("#clock-time")).to_have_text("13:44")
        expect(page.locator("#clock-day")).to_have_text(re.compile(r"^Tuesday,? 8 October 2024$"))

    def test_sum_of_the_stores_is_what_the_stores_show(self, served: Served, visit: Visitor) -> None:
        page = visit(served).go()
        cents = 0
        for text in page.locator("#stores tbody tr td:nth-child(2)").all_inner_texts():
            cents += int(re.sub(r"\D", "", text))
        assert int(re.sub(r"\D", "", net(page))) == round(cents / 100)

    def test_moves_by_itself(self, served: Served, visit: Visitor) -> None:
        page = visit(served).go()
        before = net(page)
        served.change(lambda: shop.sell(served.site, BONN, "400201", 10, shop.CLOCK + times.HOUR))
        expect(page.locator("#figures-list .net .value")).not_to_have_text(before)
        expect(page.locator("#clock-time")).to_have_text("14:45")

    def test_a_new_decision_comes_in_at_the_top_in_the_words_of_a_shop(self, served: Served, visit: Visitor) -> None:
        page = visit(served, locale="de-DE").go()
        page.locator("#reorders li").first.wait_for()
        row = Stock(
            on_hand=7,
            in_transit=0,
            levels=served.site.rows.get(tables.stock, "0042/100240").levels,
        )
        served.change(lambda: shop.decide(served.site, BONN, "100240", row, shop.CLOCK + times.MINUTE))
        first = page.locator("#reorders li").first
        expect(first).to_contain_text("Haferdrink Barista 1 l")
        expect(first).to_have_class(re.compile("news"))
        assert re.search(r"Noch 7 auf Lager; für \d Verkaufstage werden \d+ erwartet", first.inner_text())
        assert re.search(r"→\s*\d+ Kisten? \(\d+ Stück\)", first.inner_text())

    def test_asks_again_with_etags_and_is_told_that_nothing_changed(self, served: Served, visit: Visitor) -> None:
        made = visit(served)
        page = made.go()
        with page.expect_response(lambda r: "/v1/stores?" in r.url and r.status == 304, timeout=PATIENCE):
            pass
        polls = [request for request in made.requests if "/v1/stores?" in request.url]
        assert all("if-none-match" in request.headers for request in polls[1:])

    def test_hours_are_a_table_too(self, served: Served, visit: Visitor) -> None:
        page = visit(served).go()
        page.get_by_role("button", name="As a table").click()
        table = page.locator("#hours-table table")
        expect(table).to_be_visible()
        expect(page.locator("#hours-chart")).to_be_hidden()
        cents = sum(int(re.sub(r"\D", "", text)) for text in table.locator("td").all_inner_texts())
        assert int(re.sub(r"\D", "", net(page))) == round(cents / 100)

    def test_every_panel_shows_its_json(self, served: Served, visit: Visitor) -> None:
        page = visit(served).go()
        for panel in ("#figures-json", "#hours-json", "#stores-json", "#reorders-json", "#alerts-json"):
            page.locator(panel).click()
            expect(page.locator("#json-text")).to_contain_text('"items": [')
            page.get_by_role("button", name="Close").click()


class TestStore:
    def test_is_chosen_by_its_name_and_left_by_the_way_back(self, served: Served, visit: Visitor) -> None:
        page = visit(served).go()
        page.get_by_role("link", name="Bonn Mitte").click()
        expect(page.locator("h1#place-title")).to_have_text("Bonn Mitte")
        expect(page.locator("#stock tbody tr")).to_have_count(len(shop.PRODUCTS))
        expect(page.locator("#stores")).to_be_hidden()
        page.locator("#place-back").click()
        expect(page.locator("#stores tbody tr")).to_have_count(len(shop.STORES))

    def test_is_in_the_address_and_the_browsers_back_works(self, served: Served, visit: Visitor) -> None:
        page = visit(served).go("/#store=0043")
        expect(page.locator("h1#place-title")).to_have_text("Köln Ehrenfeld")
        page.locator(".brand").click()
        expect(page.locator("h1#place-title")).to_have_text("All stores")
        page.go_back()
        expect(page.locator("h1#place-title")).to_have_text("Köln Ehrenfeld")

    def test_status_chips_category_and_search_narrow_the_list(self, served: Served, visit: Visitor) -> None:
        page = visit(served).go("/#store=0042")
        rows = page.locator("#stock tbody tr")
        expect(rows).to_have_count(len(shop.PRODUCTS))

        page.get_by_role("button", name="Out", exact=True).click()
        expect(page.locator("#stock tbody .status:not(.out)")).to_have_count(0)
        page.get_by_role("button", name="Out", exact=True).click()
        expect(rows).to_have_count(len(shop.PRODUCTS))

        page.locator("#stock-category").select_option("bakery")
        expect(rows).to_have_count(3)
        page.locator("#stock-category").select_option("")

        page.locator("#stock-search").fill("butter")
        expect(rows).to_have_count(2)
        expect(rows.first).to_contain_text("Butter 250 g")
        page.locator("#stock-search").fill("no such thing")
        expect(page.locator("#stock .state-title")).to_have_text("Nothing fits")

    def test_long_lists_have_pages_and_search_reads_them_all(self, served: Served, visit: Visitor) -> None:
        def stock_up() -> None:
            for number in range(120):
                sku = f"9{number:05}"
                served.site.rows.put(tables.products, sku, KnownProduct(Product(sku=sku, name=f"Spice {number:03}")))
                served.site.rows.put(tables.stock, f"0042/{sku}", Stock(on_hand=number))

        served.change(stock_up)
        page = visit(served).go("/#store=0042")
        rows = page.locator("#stock tbody tr")
        expect(rows).to_have_count(50)
        page.get_by_role("button", name="Next").click()
        expect(page.locator("#stock-page")).to_have_text("Page 2")
        expect(rows.first).to_contain_text("Spice 026")
        page.get_by_role("button", name="Next").click()
        expect(rows).to_have_count(len(shop.PRODUCTS) + 120 - 100)
        expect(page.locator("#stock-next")).to_be_disabled()
        page.get_by_role("button", name="Previous").click()
        expect(rows.first).to_contain_text("Spice 026")
        page.locator("#stock-search").fill("spice 119")
        expect(rows).to_have_count(1)

    def test_shows_how_well_its_articles_are_served(self, served: Served, visit: Visitor) -> None:
        page = visit(served, locale="de-DE").go("/#store=0042")
        rows = page.locator("#service tbody tr")
        expect(rows).to_have_count(2)  # nothing slow has been sold long enough
        expect(rows.first.locator("td")).to_have_text(
            [re.compile(rf"^{cell}\s%$") for cell in ("98,5", "98", "97", "90", "2")]
        )
        page.locator("#service-json").click()
        expect(page.locator("#json-text")).to_contain_text('"covered_98": 0.97')

    def test_without_days_says_when_service_will_be_known(
        self, serve: Callable[[Site], Served], visit: Visitor
    ) -> None:
        site = shop.fill(Site())
        for pace in ("fast", "normal"):
            site.rows.put(tables.service, f"0042/{pace}", Service())
        page = visit(serve(site)).go("/#store=0042")
        expect(page.locator("#service .state-title")).to_have_text("Not known yet")

    def test_stock_moves_by_itself(self, served: Served, visit: Visitor) -> None:
        page = visit(served).go("/#store=0042")
        cell = page.locator("#stock tbody tr", has_text="Espressobohnen").locator("td").nth(1)
        before = int(cell.inner_text())
        served.change(lambda: shop.sell(served.site, BONN, "400201", 3, shop.CLOCK + times.MINUTE))
        expect(cell).to_have_text(str(before - 3))

    def test_that_nobody_knows_says_so(self, served: Served, visit: Visitor) -> None:
        page = visit(served, expect_refusals=True).page
        page.goto(served.url + "/#store=9999")
        expect(page.locator("#stock .state.error")).to_contain_text("Not there")


class TestLanguage:
    def test_follows_the_browser_and_the_switch_is_remembered(self, served: Served, visit: Visitor) -> None:
        page = visit(served, locale="de-DE").go()
        expect(page.locator("html")).to_have_attribute("lang", "de")
        expect(page.locator("h1#place-title")).to_have_text("Alle Filialen")
        expect(page.locator("#clock-day")).to_have_text("Dienstag, 8. Oktober 2024")
        assert net(page).endswith("€")
        page.get_by_role("button", name="English").click()
        expect(page.locator("h1#place-title")).to_have_text("All stores")
        expect(page.locator("html")).to_have_attribute("lang", "en")
        page.reload()
        expect(page.locator("h1#place-title")).to_have_text("All stores")

    def test_address_can_ask_for_one(self, served: Served, visit: Visitor) -> None:
        page = visit(served).go("/?lang=de")
        expect(page.locator("h1#place-title")).to_have_text("Alle Filialen")


class TestToken:
    @pytest.fixture
    def guarded(self, serve: Callable[[Site], Served], tokens_file: Path) -> Served:
        site = shop.fill(Site())
        site.tokens_file = write_tokens(tokens_file, good=(["viewer"], ["*"]), bonn=(["viewer"], ["0042"]))
        return serve(site)

    def test_form_refuses_a_wrong_one_and_opens_for_a_right_one(self, guarded: Served, visit: Visitor) -> None:
        page = visit(guarded, expect_refusals=True).page
        page.goto(guarded.url)
        expect(page.locator("#dashboard")).to_be_hidden()
        expect(page.locator("label[for=token]")).to_have_text("Access token")  # before, the form is hidden
        page.locator("#token").fill("wrong")
        page.get_by_role("button", name="Open the dashboard").click()
        expect(page.locator("#notice")).to_contain_text("not valid")
        page.locator("#token").fill("good")
        page.keyboard.press("Enter")
        expect(page.locator("#stores tbody tr")).to_have_count(len(shop.STORES))
        expect(page.locator("#notice")).to_be_hidden()

    def test_in_the_fragment_is_taken_out_of_the_address(self, guarded: Served, visit: Visitor) -> None:
        made = visit(guarded)
        page = made.go("/#token=good")
        assert page.url == guarded.url + "/"
        assert page.evaluate("sessionStorage.getItem('token')") == "good"
        assert page.evaluate("JSON.stringify(localStorage)") == "{}"
        assert all("good" not in request.url.partition("#")[0] for request in made.requests)
        page.reload()
        expect(page.locator("#stores tbody tr")).to_have_count(len(shop.STORES))

    def test_of_some_stores_shows_these(self, guarded: Served, visit: Visitor) -> None:
        page = visit(guarded).go("/#token=bonn")
        expect(page.locator("#stores tbody tr")).to_have_count(1)
        expect(page.locator("#place-text")).to_have_text("The running business day of 1 store.")

    def test_that_is_withdrawn_leads_back_to_the_form(self, guarded: Served, visit: Visitor, tokens_file: Path) -> None:
        page = visit(guarded, expect_refusals=True).go("/#token=good")
        write_tokens(tokens_file, other=(["viewer"], ["*"]))
        expect(page.locator("#access")).to_be_visible()
        expect(page.locator("#dashboard")).to_be_hidden()

    def test_is_forgotten_on_request(self, guarded: Served, visit: Visitor) -> None:
        page = visit(guarded).go("/#token=good")
        page.get_by_role("button", name="Forget the access token").click()
        expect(page.locator("#access")).to_be_visible()
        assert page.evaluate("sessionStorage.getItem('token')") is None


class TestStates:
    def test_nothing_there_yet(self, serve: Callable[[Site], Served], visit: Visitor) -> None:
        page = visit(serve(Site())).go()
        expect(page.locator("#stores .state-title")).to_have_text("No stores yet")
        expect(page.locator("#reorders .state-title")).to_have_text("No orders decided yet")
        expect(page.locator("#alerts .state-title")).to_have_text("All clear")
        expect(page.locator("#hours .state-title")).to_have_text("Nothing sold yet today.")

    def test_lost_connection_keeps_the_figures_says_so_and_comes_back(self, served: Served, visit: Visitor) -> None:
        page = visit(served, expect_refusals=True).go()
        before = net(page)
        served.stop()
        expect(page.locator("#pulse")).to_have_attribute("data-state", "lost")
        expect(page.locator("#pulse-text")).to_have_text("No connection")
        assert net(page) == before
        served.start()
        expect(page.locator("#pulse")).to_have_attribute("data-state", "live")

    def test_rows_that_move_say_what_to_do(self, served: Served, visit: Visitor) -> None:
        assert served.site.worker is not None
        served.site.worker.owned = frozenset()
        page = visit(served, expect_refusals=True).page
        page.goto(served.url)
        expect(page.locator("#stores .state.error")).to_contain_text("Trying again by itself")

    def test_standby_is_named(self, served: Served, visit: Visitor) -> None:
        worker = served.site.worker
        assert worker is not None
        worker.standby, worker.owned = worker.owned, frozenset()
        page = visit(served).go()
        expect(page.locator("#notice")).to_contain_text("standby")
        expect(page.locator("#pulse")).to_have_attribute("data-state", "stale")

    def test_lag_is_named(self, served: Served, visit: Visitor) -> None:
        served.site.metrics = (
            b'freshmart_lag_records{topic="freshmart.sales",partition="0"} 1200\n'
            b'freshmart_lag_records{topic="freshmart.sales",partition="1"} 34\n'
        )
        page = visit(served).go()
        expect(page.locator("#pulse-text")).to_have_text("Live · 1,234 messages behind")


class TestForEveryone:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("path", ["/", "/#store=0042"])
    def test_every_text_has_enough_contrast(self, served: Served, visit: Visitor, scheme: str, path: str) -> None:
        page = visit(served, color_scheme=scheme, reduced_motion="reduce").go(path)
        page.locator("#reorders li").first.wait_for()
        page.locator("#stock tbody tr, #stores tbody tr").first.wait_for()
        found = page.evaluate(CONTRAST)
        assert found["texts"] > 100
        assert found["poor"] == []

    def test_theme_can_be_turned_and_is_remembered(self, served: Served, visit: Visitor) -> None:
        page = visit(served, color_scheme="light").go()
        ground = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(ground)
        page.get_by_role("button", name="Light or dark").click()
        dark = page.evaluate(ground)
        assert dark != light
        page.reload()
        assert page.evaluate(ground) == dark

    @pytest.mark.parametrize("path", ["/", "/#store=0042"])
    @pytest.mark.parametrize("width", [320, 390, 768, 1024])
    def test_nothing_is_wider_than_the_screen(self, served: Served, visit: Visitor, path: str, width: int) -> None:
        page = visit(served, viewport={"width": width, "height": 844}).go(path)
        page.locator("#stock tbody tr, #stores tbody tr").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    def test_a_store_can_be_chosen_with_the_keyboard_alone(self, served: Served, visit: Visitor) -> None:
        page = visit(served).go()
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()
        assert "#" not in page.url
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.className") == "row-link":
                break
        page.keyboard.press("Enter")
        expect(page.locator("h1#place-title")).to_have_text("Bonn Mitte")

    def test_every_control_and_picture_has_a_name(self, served: Served, visit: Visitor) -> None:
        page = visit(served).go("/#store=0042")
        page.locator("#stock tbody tr").first.wait_for()
        nameless = page.evaluate(
            """() => [...document.querySelectorAll("button, a, input, select, svg, table")]
              .filter((node) => node.checkVisibility())
              .filter((node) => !(node.getAttribute("aria-label") || node.getAttribute("aria-hidden") === "true"
                || node.textContent.trim() || node.labels?.length))
              .map((node) => node.outerHTML.slice(0, 80))"""
        )
        assert nameless == []

    def test_focus_stays_where_it_is_while_rows_change(self, served: Served, visit: Visitor) -> None:
        page = visit(served).go()
        page.locator(".row-link").first.focus()
        before = page.locator("#stores tbody tr").first.inner_text()
        served.change(lambda: shop.sell(served.site, BONN, "400201", 1, shop.CLOCK + times.MINUTE))
        expect(page.locator("#stores tbody tr").first).not_to_have_text(before)
        expect(page.locator(".row-link").first).to_be_focused()
