"""The engine: partitions of a log folded into tables, exactly once. It knows no shop.

Contract
--------
A **group** of partitions (`Group`) reads co-partitioned topics and master data, keeps tables and publishes messages.
Partition *p* of every input belongs to one unit of work with one RocksDB, one changelog partition and one producer.
What its handlers do with a stretch of records becomes **one commit**: the changed rows, the marker (how far the inputs
are applied), a journal entry (in which order) and the outputs, all of it or nothing.

A **handler** is called as `handler(record, batch)` for every record of its topic, in the order that the journal will
tell.

* It may read and write rows (`batch.rows(table)`), send (`batch.send`), and use the agenda (`batch.schedule`,
  `cancel`, `advance`). It uses no clock, no random number and no I/O, and never awaits: results depend on the log
  only.
* It must store back every row that it changed, keep no reference to a row beyond the record, and validate before it
  changes anything.
* Bad input is its business: it sends a dead letter and returns. If it raises, nothing of the record counts: the batch
  is voided and folded again up to that record, then the record is tried alone; raising again, it is handed to
  `Group.on_poison` and the rest goes on.
* It may raise `NeedMasterData` before it changed anything: the engine takes in the master topics to their present end
  and gives the record again, with `batch.master_complete` set.

The engine promises:

* Tables, marker and journal never disagree, and every published message belongs to a commit that counts. With
  transactions (Kafka) it is published exactly once; without (the embedded broker) a crash may repeat the messages of
  the last commit, byte for byte.
* Where a batch is cut makes no difference. Records of one topic partition come in their order; between topics by
  broker time, topic and offset as far as is known, and the journal says how it was.
* A worker that lost a partition, or is late, cannot commit: it is fenced.
* `views` shows committed rows only.
"""

from freshmart_streams.engine.batches import Batch
from freshmart_streams.engine.groups import Group, NeedMasterData
from freshmart_streams.engine.partitioning import partition_of
from freshmart_streams.engine.records import Output, Record, StoredRecord
from freshmart_streams.engine.rows import Rows
from freshmart_streams.engine.tables import Table, UnreadableRowError

__all__ = [
    "Batch",
    "Group",
    "NeedMasterData",
    "Output",
    "Record",
    "Rows",
    "StoredRecord",
    "Table",
    "UnreadableRowError",
    "partition_of",
]
