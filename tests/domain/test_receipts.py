"""What a receipt line is worth (contracts.md sections 1 and 3)."""

from freshmart_streams.domain import receipts
from freshmart_streams.domain.store_days import LineFigures
from freshmart_streams.events.master_data import Product, Unit
from freshmart_streams.events.receipts import ReceiptLine

CHEESE = Product(sku="100274", unit=Unit.GRAM, category="cheese")


class TestLineFigures:
    def test_goods_by_weight_are_priced_per_thousand_grams_and_a_return_mirrors_its_sale(self) -> None:
        sold = receipts.line_figures(ReceiptLine(sku="100274", quantity=345, unit_price=199), CHEESE)
        returned = receipts.line_figures(ReceiptLine(sku="100274", quantity=-345, unit_price=199), CHEESE)
        assert (sold.gross, returned.gross) == (69, -69)  # 68.655 cents

    def test_an_amount_as_printed_counts_instead(self) -> None:
        line = ReceiptLine(sku="100274", quantity=345, unit_price=199, amount=70)
        assert receipts.line_figures(line, CHEESE).gross == 70

    def test_an_article_nobody_knows_is_sold_by_the_piece_as_unknown(self) -> None:
        line = ReceiptLine(sku="9", quantity=3, unit_price=50, discount=10)
        assert receipts.line_figures(line, None) == LineFigures("9", 3, 150, 10, "unknown")

    def test_a_product_without_category_is_unknown_too(self) -> None:
        line = ReceiptLine(sku="100701", quantity=1, unit_price=99)
        assert receipts.line_figures(line, Product(sku="100701")).category == "unknown"
