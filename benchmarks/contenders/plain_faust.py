"""The job as Faust's documentation would have it: records, tables and an agent."""

import os
import sys
from datetime import datetime

import faust

LOW, REORDER, FIRST_STOCK = 10, 40, 50

app = faust.App(
    os.environ["BENCH_APP"],
    broker=f"kafka://{os.environ['BENCH_BOOTSTRAP']}",
    store="rocksdb://",
    datadir=os.environ["BENCH_FOLDER"],
    topic_partitions=int(os.environ["BENCH_PARTITIONS"]),
    topic_disable_leader=True,
    web_enabled=False,
    broker_commit_interval=1.0,
)


class Line(faust.Record, validation=True):
    """A receipt line."""

    sku: str
    quantity: int
    unit_price: int
    discount: int


class Receipt(faust.Record, validation=True):
    """A receipt."""

    receipt_id: str
    store_id: str
    till_id: str
    kind: str
    sold_at: str
    lines: list[Line]


class Stock(faust.Record):
    """An article in a store."""

    on_hand: int = FIRST_STOCK
    on_order: int = 0
    day: str = ""
    sold: int = 0


class Report(faust.Record):
    """A store's day."""

    receipts: int = 0
    lines: int = 0
    units: int = 0
    gross: int = 0
    discounts: int = 0


class Reorder(faust.Record):
    """An order."""

    store_id: str
    sku: str
    quantity: int
    on_hand: int
    receipt_id: str


sales = app.topic(os.environ["BENCH_TOPIC"], key_type=str, key_serializer="raw", value_type=Receipt)
reorders = app.topic(os.environ["BENCH_OUTPUT"], key_type=str, value_type=Reorder)
seen = app.Table("seen", default=bool, options={"driver": "rocksdict"})
stock = app.Table("stock", default=Stock, value_type=Stock, options={"driver": "rocksdict"})
reports = app.Table("report", default=Report, value_type=Report, options={"driver": "rocksdict"})


@app.agent(sales)
async def track(receipts: faust.StreamT[Receipt]) -> None:
    """Keep stock and reports, and order what is low."""
    async for receipt in receipts:
        seen_key = f"{receipt.store_id}/{receipt.receipt_id}"
        if seen[seen_key]:
            continue
        seen[seen_key] = True
        day = datetime.fromisoformat(receipt.sold_at).date().isoformat()
        report = reports[f"{receipt.store_id}/{day}"]
        for line in receipt.lines:
            key = f"{receipt.store_id}/{line.sku}"
            article = stock[key]
            if article.day != day:
                article.day, article.sold = day, 0
            article.on_hand -= line.quantity
            article.sold += line.quantity
            if article.on_hand + article.on_order <= LOW:
                article.on_order += REORDER
                order = Reorder(receipt.store_id, line.sku, REORDER, article.on_hand, receipt.receipt_id)
                _ = await reorders.send(key=receipt.store_id, value=order)  # as in Faust's examples: sent, not awaited
            stock[key] = article
            report.units += line.quantity
            report.gross += line.quantity * line.unit_price
            report.discounts += line.discount
        report.receipts += 1
        report.lines += len(receipt.lines)
        reports[f"{receipt.store_id}/{day}"] = report


if __name__ == "__main__":
    sys.argv = ["plain_faust", "worker", "-l", "warn", "--without-web"]
    app.main()
