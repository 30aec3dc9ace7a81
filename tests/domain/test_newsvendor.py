"""One-day goods. Oracles: Stockpyl's examples of "Fundamentals of Supply Chain Theory" (formulas.md 5.1)."""

import pytest

from freshmart_streams.domain import newsvendor, quantiles
from freshmart_streams.domain.policies import EffectivePolicy
from freshmart_streams.events.master_data import Product


class TestOracles:
    """Overage and underage cost are `cost − salvage` and `price − cost`."""

    def test_newsvendor_normal(self) -> None:
        ratio = newsvendor.critical_ratio(price=0.70 + 0.18, cost=0.18)
        assert 50 + 8 * quantiles.normal(ratio) == pytest.approx(56.60395592743389)

    def test_newsvendor_normal_explicit(self) -> None:
        ratio = newsvendor.critical_ratio(price=1.0, cost=0.3, salvage=0.12)
        assert 50 + 8 * quantiles.normal(ratio) == pytest.approx(56.60395592743389)

    def test_newsvendor_normal_of_the_readme(self) -> None:
        ratio = newsvendor.critical_ratio(price=20.0, cost=2.0)
        assert 120 + 10 * quantiles.normal(ratio) == pytest.approx(132.815515655446)

    def test_newsvendor_poisson(self) -> None:
        ratio = newsvendor.critical_ratio(price=0.70 + 0.18, cost=0.18)
        assert quantiles.negative_binomial(50.0, 50.0, ratio) == 56

    def test_newsvendor_discrete(self) -> None:
        assert quantiles.negative_binomial(6.0, 6.0, newsvendor.critical_ratio(price=5.0, cost=1.0)) == 8


ROLLS = Product(sku="200001", shelf_life_days=1, cost=20, price=107, vat_percent=7)


class TestPolicy:
    def test_of_one_day_goods_the_margin_decides(self) -> None:
        policy = newsvendor.policy_for(EffectivePolicy(min_stock=3), ROLLS)
        assert policy.service_level == pytest.approx(0.8)
        assert (policy.service_level_source, policy.min_stock) == ("margin", 3)

    def test_a_planner_may_know_better(self) -> None:
        said = EffectivePolicy(service_level=0.95, service_level_source="policy")
        assert newsvendor.policy_for(said, ROLLS) is said

    @pytest.mark.parametrize(
        "product",
        [
            Product(sku="1", shelf_life_days=2, cost=20, price=107),
            Product(sku="1", cost=20, price=107),
            Product(sku="1", shelf_life_days=1, price=107),
            Product(sku="1", shelf_life_days=1, cost=20),
            Product(sku="1", shelf_life_days=1, cost=0, price=107),
            Product(sku="1", shelf_life_days=1, cost=100, price=107, vat_percent=7),
        ],
        ids=["two days", "keeps", "no cost", "no price", "costs nothing", "earns nothing"],
    )
    def test_all_else_has_its_policy(self, product: Product) -> None:
        assert newsvendor.policy_for(EffectivePolicy(), product) == EffectivePolicy()

    @pytest.mark.parametrize(("cost", "level"), [(99, 0.5), (1, 0.99)])
    def test_within_reason(self, cost: int, level: float) -> None:
        product = Product(sku="1", shelf_life_days=1, cost=cost, price=1_000 if cost == 1 else 110)
        assert newsvendor.policy_for(EffectivePolicy(), product).service_level == level
