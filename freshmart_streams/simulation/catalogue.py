"""The articles a simulated store sells, as a literal table.

Demand is in sales a day in a shop of middle size: pieces for goods by the piece, purchases (of about
`typical_grams` each) for goods by weight. Prices are cents, for goods by weight per 1,000 g, as contracts.md has them.
The article numbers are inside the GS1 range 200 to 299, which is for a company's own use, so that no simulated article
carries a real product's GTIN.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from freshmart_streams.domain import identifiers

Season = Literal["even", "summer", "winter"]


@dataclass(frozen=True, slots=True)
class Article:
    """One article: what its product row says, and how well it sells."""

    sku: str
    name: str
    category: str
    supplier_id: str
    price: int
    """Cents per piece, or per 1,000 g."""
    cost: int
    """Cents per piece, or per 1,000 g."""
    pack_size: int
    """Base units (pieces or grams) in one pack of the supplier's."""
    shelf_life_days: int
    lead_time_days: int
    sales_per_day: float
    vat_percent: int = 7
    content: tuple[int, str] | None = None
    """Net content of one piece: amount and unit (`g` or `ml`); None for goods by weight."""
    typical_grams: int = 0
    """Grams of one purchase; 0 for goods by the piece."""
    season: Season = "even"

    @property
    def by_weight(self) -> bool:
        """Whether it is sold by the gram."""
        return self.typical_grams > 0

    @property
    def units_per_day(self) -> float:
        """Base units (pieces or grams) sold on a day of middle strength."""
        return self.sales_per_day * max(1, self.typical_grams)

    @property
    def gtin(self) -> str:
        """A GTIN-13 of the company's own range, with its check digit."""
        digits = f"200{int(self.sku):09d}"
        return digits + str(identifiers.check_digit(digits))


DAIRY, BAKERY, GREENS, BUTCHER, DEPOT, BEVERAGES = (
    "molkerei-nord",
    "backhaus-rhein",
    "frischgemuese-west",
    "fleischerei-eifel",
    "zentrallager",
    "getraenke-union",
)

ARTICLES: tuple[Article, ...] = (
    Article("100234", "Vollmilch 3,5 % 1 l", "dairy", DAIRY, 119, 79, 12, 9, 1, 34, content=(1000, "ml")),
    Article("100235", "Fettarme Milch 1,5 % 1 l", "dairy", DAIRY, 109, 72, 12, 9, 1, 26, content=(1000, "ml")),
    Article("100241", "Haferdrink 1 l", "dairy", DAIRY, 149, 92, 8, 90, 2, 11, vat_percent=19, content=(1000, "ml")),
    Article("100248", "Schlagsahne 200 g", "dairy", DAIRY, 99, 61, 10, 14, 1, 12, content=(200, "g")),
    Article("100252", "Naturjoghurt 500 g", "dairy", DAIRY, 129, 78, 6, 18, 1, 13, content=(500, "g")),
    Article("100253", "Erdbeerjoghurt 150 g", "dairy", DAIRY, 59, 33, 20, 18, 1, 21, content=(150, "g")),
    Article("100257", "Speisequark 250 g", "dairy", DAIRY, 89, 52, 12, 14, 1, 14, content=(250, "g")),
    Article("100260", "Deutsche Markenbutter 250 g", "dairy", DAIRY, 199, 158, 20, 35, 1, 24, content=(250, "g")),
    Article("100266", "Mozzarella 125 g", "cheese", DAIRY, 95, 58, 12, 21, 1, 15, content=(125, "g"), season="summer"),
    Article("100271", "Gouda jung in Scheiben 400 g", "cheese", DAIRY, 299, 205, 10, 28, 1, 12, content=(400, "g")),
    Article("100274", "Bergkäse am Stück", "cheese", DAIRY, 1690, 1120, 3000, 30, 2, 6, typical_grams=240),
    Article("100281", "Eier Bodenhaltung 10 Stück", "eggs", DAIRY, 229, 168, 12, 21, 1, 19, content=(10, "piece")),
    Article("100302", "Weizenbrötchen", "bakery", BAKERY, 29, 11, 40, 1, 1, 140),
    Article("100304", "Laugenbrezel", "bakery", BAKERY, 69, 28, 20, 1, 1, 45),
    Article("100311", "Roggenmischbrot 1 kg", "bakery", BAKERY, 279, 142, 6, 5, 1, 14, content=(1000, "g")),
    Article("100315", "Toastbrot 500 g", "bakery", BAKERY, 129, 70, 8, 8, 1, 12, content=(500, "g")),
    Article("100401", "Bananen", "produce", GREENS, 179, 108, 18000, 6, 1, 42, typical_grams=850),
    Article("100403", "Äpfel Elstar", "produce", GREENS, 249, 150, 12000, 14, 1, 24, typical_grams=900),
    Article("100406", "Rispentomaten", "produce", GREENS, 299, 182, 5000, 6, 1, 26, typical_grams=500, season="summer"),
    Article("100409", "Salatgurke", "produce", GREENS, 79, 44, 12, 7, 1, 25, season="summer"),
    Article("100412", "Eisbergsalat", "produce", GREENS, 119, 68, 8, 6, 1, 12, season="summer"),
    Article("100415", "Speisekartoffeln 2,5 kg", "produce", GREENS, 299, 178, 4, 21, 1, 11, content=(2500, "g")),
    Article("100418", "Zwiebeln 1 kg", "produce", GREENS, 129, 71, 10, 28, 1, 12, content=(1000, "g")),
    Article("100421", "Orangen 2 kg", "produce", GREENS, 349, 221, 6, 14, 1, 8, content=(2000, "g"), season="winter"),
    Article("100502", "Rinderhackfleisch 500 g", "meat", BUTCHER, 599, 445, 6, 4, 1, 11, content=(500, "g")),
    Article("100505", "Hähnchenbrustfilet", "meat", BUTCHER, 1190, 860, 4000, 5, 1, 12, typical_grams=520),
    Article("100509", "Bratwurst 5 Stück 400 g", "meat", BUTCHER, 399, 268, 8, 10, 1, 9, content=(400, "g"),
            season="summer"),
    Article("100512", "Kochschinken 200 g", "meat", BUTCHER, 249, 168, 10, 16, 1, 13, content=(200, "g")),
    Article("100601", "Mineralwasser 6 x 1,5 l", "beverages", BEVERAGES, 294, 174, 9, 365, 2, 18, 19, (9000, "ml"),
            season="summer"),
    Article("100604", "Apfelsaft 1 l", "beverages", BEVERAGES, 149, 94, 6, 270, 2, 11, 19, (1000, "ml")),
    Article("100607", "Pils 20 x 0,5 l", "beverages", BEVERAGES, 1499, 1130, 1, 180, 2, 7, 19, (10000, "ml"),
            season="summer"),
    Article("100701", "Spaghetti 500 g", "dry-goods", DEPOT, 99, 54, 24, 540, 2, 16, content=(500, "g")),
    Article("100704", "Passierte Tomaten 500 g", "dry-goods", DEPOT, 89, 49, 12, 540, 2, 15, content=(500, "g")),
    Article("100707", "Weizenmehl Type 405 1 kg", "dry-goods", DEPOT, 79, 45, 10, 300, 2, 13, content=(1000, "g"),
            season="winter"),
    Article("100710", "Filterkaffee 500 g", "dry-goods", DEPOT, 649, 505, 12, 360, 2, 13, content=(500, "g")),
    Article("100713", "Kernige Haferflocken 500 g", "dry-goods", DEPOT, 95, 52, 10, 300, 2, 10, content=(500, "g")),
    Article("100716", "Vollmilchschokolade 100 g", "sweets", DEPOT, 119, 74, 22, 240, 2, 20, content=(100, "g"),
            season="winter"),
    Article("100801", "Pizza Margherita 350 g", "frozen", DEPOT, 279, 178, 7, 240, 2, 12, content=(350, "g")),
    Article("100804", "Rahmspinat 450 g", "frozen", DEPOT, 149, 88, 12, 400, 2, 9, content=(450, "g")),
    Article("100901", "Toilettenpapier 10 Rollen", "household", DEPOT, 449, 298, 8, 1825, 2, 9, 19),
)  # fmt: skip


def articles(count: int) -> tuple[Article, ...]:
    """Return the first `count` articles; beyond the table, further varieties of them with numbers of their own.

    A variety sells less than the article it varies, so that a large assortment has the long tail of a real one.
    """
    chosen = list(ARTICLES[:count])
    for place in range(len(ARTICLES), count):
        round_, index = divmod(place, len(ARTICLES))
        base = ARTICLES[index]
        chosen.append(
            replace(
                base,
                sku=str(200_000 + place),
                name=f"{base.name}, Sorte {round_ + 1}",
                sales_per_day=base.sales_per_day / (1 + round_),
            )
        )
    return tuple(chosen)
