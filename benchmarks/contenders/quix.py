"""The job on Quix Streams: one stateful function over a dataframe."""

import os
from datetime import datetime
from typing import Any

from quixstreams import Application, State

LOW, REORDER, FIRST_STOCK = 10, 40, 50
TEXTS, NUMBERS = ("receipt_id", "store_id", "till_id", "kind", "sold_at"), ("quantity", "unit_price", "discount")


def validate(receipt: dict[str, Any]) -> None:
    """Refuse what is no receipt."""
    if any(type(receipt[name]) is not str for name in TEXTS) or type(receipt["lines"]) is not list:
        raise TypeError("not a receipt")
    for line in receipt["lines"]:
        if type(line["sku"]) is not str or any(type(line[name]) is not int for name in NUMBERS):
            raise TypeError("not a receipt line")


def track(receipt: dict[str, Any], state: State) -> list[dict[str, Any]]:
    """Keep stock and reports, and order what is low. State is per key, which is the store."""
    validate(receipt)
    seen_key = f"seen/{receipt['receipt_id']}"
    if state.get(seen_key):
        return []
    state.set(seen_key, True)
    orders: list[dict[str, Any]] = []
    day = datetime.fromisoformat(receipt["sold_at"]).date().isoformat()
    report = state.get(f"report/{day}") or [0, 0, 0, 0, 0]
    for line in receipt["lines"]:
        key, quantity = f"stock/{line['sku']}", line["quantity"]
        article = state.get(key) or [FIRST_STOCK, 0, day, 0]
        if article[2] != day:
            article[2], article[3] = day, 0
        article[0] -= quantity
        article[3] += quantity
        if article[0] + article[1] <= LOW:
            article[1] += REORDER
            order = {"store_id": receipt["store_id"], "sku": line["sku"], "quantity": REORDER}
            orders.append({**order, "on_hand": article[0], "receipt_id": receipt["receipt_id"]})
        state.set(key, article)
        report[2] += quantity
        report[3] += quantity * line["unit_price"]
        report[4] += line["discount"]
    report[0] += 1
    report[1] += len(receipt["lines"])
    state.set(f"report/{day}", report)
    return orders


def main() -> None:
    """Run until SIGTERM."""
    app = Application(
        broker_address=os.environ["BENCH_BOOTSTRAP"],
        consumer_group=os.environ["BENCH_APP"],
        auto_offset_reset="earliest",
        state_dir=os.environ["BENCH_FOLDER"],
        commit_interval=1.0,
        processing_guarantee="at-least-once",
        use_changelog_topics=True,
        loglevel="WARNING",
    )
    sales = app.topic(os.environ["BENCH_TOPIC"], key_deserializer="str", value_deserializer="json")
    reorders = app.topic(os.environ["BENCH_OUTPUT"], key_serializer="str", value_serializer="json")
    app.dataframe(sales).apply(track, stateful=True, expand=True).to_topic(reorders)
    app.run()


if __name__ == "__main__":
    main()
