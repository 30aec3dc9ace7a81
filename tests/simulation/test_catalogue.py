"""The assortment and the stores are what the application takes without a dead letter."""

from collections import Counter

import pytest

from freshmart_streams.domain import identifiers
from freshmart_streams.events import codec
from freshmart_streams.events.values import Mode
from freshmart_streams.simulation.catalogue import ARTICLES, Article, articles
from freshmart_streams.simulation.shops import SHOPS, Shop, shops
from freshmart_streams.simulation.store import product_row, store_row


class TestArticles:
    @pytest.mark.parametrize("article", articles(100), ids=lambda article: article.sku)
    def test_are_valid_master_data(self, article: Article) -> None:
        row = product_row(article)
        assert codec.read_product(article.sku.encode(), codec.encode(row)) == row
        assert identifiers.is_gtin(article.gtin)
        assert article.gtin.startswith("200"), "a number of the company's own range"

    def test_have_numbers_of_their_own(self) -> None:
        many = articles(1000)
        assert len(many) == 1000
        assert max(Counter(article.sku for article in many).values()) == 1
        assert max(Counter(article.gtin for article in many).values()) == 1

    def test_earn_money(self) -> None:
        assert all(0 < article.cost < article.price for article in ARTICLES)

    def test_are_sold_by_the_piece_and_by_weight(self) -> None:
        assert len(ARTICLES) >= 40
        assert sum(article.by_weight for article in ARTICLES) >= 4

    def test_fewer_are_the_first_of_more(self) -> None:
        assert articles(7) == articles(70)[:7]

    def test_further_varieties_sell_less(self) -> None:
        assert articles(81)[80].sales_per_day < articles(41)[40].sales_per_day < ARTICLES[0].sales_per_day


class TestShops:
    @pytest.mark.parametrize("shop", shops(12), ids=lambda shop: shop.store_id)
    @pytest.mark.parametrize("mode", [Mode.OFF, Mode.AUTO])
    def test_are_valid_master_data(self, shop: Shop, mode: Mode) -> None:
        row = store_row(shop, reorder=mode)
        assert codec.read_store(shop.store_id.encode(), codec.encode(row)) == row

    def test_have_ids_of_their_own(self) -> None:
        assert len({shop.store_id for shop in shops(500)}) == 500

    def test_fewer_are_the_first_of_more(self) -> None:
        assert shops(3) == SHOPS[:3]
