"""The receipts of a chain, the same for every contender, and what they must sum up to.

Ten lines each, articles as people buy them (Zipf: the second is bought half as often as the first), 5 % of the messages
repeat an earlier one, over the opening hours of a day. Everything follows from a seed.
"""

import itertools
import json
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

LINES = 10
DUPLICATES = 0.05
DISCOUNTED = 0.2
RESEND_WITHIN = 5_000
"""A repeated message is one of so many before it."""
MONDAY = datetime(2024, 10, 7, 6, tzinfo=UTC)
OPEN_HOURS = 14


@dataclass(frozen=True)
class Chain:
    """How large a chain, and how many messages it sends from the beginning of a day on; 0 is a Monday."""

    receipts: int = 200_000
    stores: int = 200
    articles: int = 20_000
    seed: int = 7
    day: int = 0
    days: int = 1

    @property
    def opens_at(self) -> datetime:
        """When the first receipt of the day may be."""
        return MONDAY + timedelta(days=self.day)

    @property
    def store_ids(self) -> list[str]:
        """All stores."""
        return [f"{number:04d}" for number in range(1, self.stores + 1)]

    @property
    def skus(self) -> list[str]:
        """All articles, the ones that sell best first."""
        found = [str(100_000 + number) for number in range(self.articles)]
        random.Random(self.seed).shuffle(found)
        return found

    @property
    def keys(self) -> list[str]:
        """Each `store/sku`."""
        return [f"{store_id}/{sku}" for store_id in self.store_ids for sku in self.skus]

    def price(self, sku: str) -> int:
        """Cents."""
        return 49 + int(sku) * 7919 % 2_450


@dataclass
class Truth:
    """What the receipts sum up to, each id once: units in pieces, money in cents."""

    messages: int = 0
    receipts: int = 0
    lines: int = 0
    units: int = 0
    gross: int = 0
    discounts: int = 0
    sold: dict[str, int] = field(default_factory=dict)
    """Units by `store/sku`."""

    @property
    def lines_read(self) -> int:
        """Those of repeated messages too, which have to be read as well."""
        return self.messages * self.lines // self.receipts


def truth_of(chain: Chain) -> Truth:
    """What the chain's messages sum up to."""
    truth = Truth()
    for _ in messages(chain, truth):
        pass
    return truth


def messages(chain: Chain, truth: Truth | None = None) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of each message in order; `truth` is filled on the way."""
    rng, skus = random.Random(chain.seed - chain.day), chain.skus
    weights = list(itertools.accumulate(1 / (rank + 1) for rank in range(len(skus))))
    prices = {sku: chain.price(sku) for sku in skus}
    stores, recent = chain.store_ids, deque[tuple[bytes, bytes]](maxlen=RESEND_WITHIN)
    for number in range(chain.receipts):
        if recent and rng.random() < DUPLICATES:
            message = recent[rng.randrange(len(recent))]
        else:
            store_id = rng.choice(stores)
            chosen = rng.choices(skus, cum_weights=weights, k=LINES)
            lines = [_line(rng, sku, prices[sku]) for sku in chosen]
            message = store_id.encode(), _receipt(number, store_id, _sold_at(chain, number), lines)
            recent.append(message)
            if truth is not None:
                _count(truth, store_id, lines)
        if truth is not None:
            truth.messages += 1
        yield message


def _line(rng: random.Random, sku: str, price: int) -> dict[str, str | int]:
    quantity = rng.choices((1, 2, 3, 4, 6), cum_weights=(70, 85, 93, 98, 100))[0]
    discount = rng.randrange(5, 40) if rng.random() < DISCOUNTED else 0
    return {"sku": sku, "quantity": quantity, "unit_price": price, "discount": discount}


def _receipt(number: int, store_id: str, sold_at: datetime, lines: list[dict[str, str | int]]) -> bytes:
    receipt = {
        "receipt_id": f"{sold_at:%d}-{number:08d}",
        "store_id": store_id,
        "till_id": str(number % 8 + 1),
        "kind": "sale",
        "sold_at": sold_at.isoformat(),
        "lines": lines,
    }
    return json.dumps(receipt, separators=(",", ":")).encode()


def _sold_at(chain: Chain, number: int) -> datetime:
    day, part = divmod(number * chain.days, chain.receipts)
    return chain.opens_at + timedelta(days=day, seconds=part * OPEN_HOURS * 3_600 // chain.receipts)


def _count(truth: Truth, store_id: str, lines: list[dict[str, str | int]]) -> None:
    truth.receipts += 1
    for line in lines:
        quantity = int(line["quantity"])
        truth.lines += 1
        truth.units += quantity
        truth.gross += quantity * int(line["unit_price"])
        truth.discounts += int(line["discount"])
        key = f"{store_id}/{line['sku']}"
        truth.sold[key] = truth.sold.get(key, 0) + quantity
