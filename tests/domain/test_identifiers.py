"""Ids, check digits, and the ids that decisions give themselves."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freshmart_streams.domain import identifiers, times

# formulas.md 5.5: valid GTINs and GLNs, computed there with an independent implementation.
GTINS = ["6291041500213", "7300011000017", "8904000210037", "036000241457", "4000862141404", "40987650000223"]
GLNS = ["5412345000013", "4012345500004", "4098765000010", "4012345000009", "4000004000002", "4398765000004"]
DAY = times.from_iso("2024-10-09")


class TestIds:
    @pytest.mark.parametrize("text", ["0042", "3-20241008-000117", "c-81f3", "A.b_C-9", "x" * 64])
    def test_letters_digits_dot_underscore_and_dash(self, text: str) -> None:
        assert identifiers.is_id(text)

    @pytest.mark.parametrize("text", ["", "x" * 65, "a/b", "*", "a b", "a\n", "ä", "٣", "a\x00", "a:b"])
    def test_nothing_else(self, text: str) -> None:
        assert not identifiers.is_id(text)


class TestCheckDigits:
    @pytest.mark.parametrize("text", GTINS)
    def test_published_gtins_are_valid(self, text: str) -> None:
        assert identifiers.is_gtin(text)

    @pytest.mark.parametrize("text", GLNS)
    def test_published_glns_are_valid(self, text: str) -> None:
        assert identifiers.is_gln(text)

    @pytest.mark.parametrize("text", GTINS)
    def test_any_single_digit_that_changes_is_noticed(self, text: str) -> None:
        wrong = [
            text[:place] + digit + text[place + 1 :]
            for place in range(len(text))
            for digit in "0123456789"
            if digit != text[place]
        ]
        assert not any(identifiers.is_gtin(each) for each in wrong)

    @pytest.mark.parametrize(
        "text", ["", "0", "629104150021", "62910415002131", "6291041500\uff1213", "629104150021x", "²" * 13]
    )
    def test_another_length_or_another_sign_is_no_gtin(self, text: str) -> None:
        assert not identifiers.is_gtin(text)

    def test_a_gln_has_thirteen_digits(self) -> None:
        assert not identifiers.is_gln("036000241457")

    @given(st.text("0123456789", min_size=12, max_size=12))
    def test_a_number_with_its_check_digit_is_valid(self, digits: str) -> None:
        assert identifiers.is_gln(digits + str(identifiers.check_digit(digits)))


class TestOrderIds:
    def test_the_id_is_the_same_for_ever(self) -> None:
        # A golden value: if it changes, every replay gives its past orders other ids.
        assert identifiers.order_id("0042", "100234", DAY) == "c965e49c-9485-5f07-a235-3ba258e959a8"

    def test_it_is_a_name_based_uuid(self) -> None:
        assert UUID(identifiers.order_id("0042", "100234", DAY)).version == 5

    def test_store_article_and_day_each_make_another_order(self) -> None:
        ids = {
            identifiers.order_id(store_id, sku, day)
            for store_id in ("0042", "0043")
            for sku in ("100234", "100235")
            for day in (DAY, DAY + 1)
        }
        assert len(ids) == 8

    def test_the_border_between_store_and_article_counts(self) -> None:
        assert identifiers.order_id("1", "23", DAY) != identifiers.order_id("12", "3", DAY)


class TestAlertIds:
    def test_an_alert_that_opens_again_is_another_one(self) -> None:
        first, same, again = (
            identifiers.alert_id("0042", "100234", "unknown-sku", place)
            for place in ("sales/2/7", "sales/2/7", "sales/2/9")
        )
        assert first == same != again

    def test_an_alert_is_no_order(self) -> None:
        assert identifiers.alert_id("0042", "100234", "2024-10-09", "") != identifiers.order_id("0042", "100234", DAY)
