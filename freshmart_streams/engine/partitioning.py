"""Java's default partitioner, which places the inputs."""

from functools import lru_cache

from aiokafka.partitioner import murmur2


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, count: int) -> int:
    """The partition of a key among `count`: murmur2 without its sign bit, modulo the count.

    >>> partition_of(b"0042", 4)
    1
    """
    return int(murmur2(key) & 0x7FFFFFFF) % count
