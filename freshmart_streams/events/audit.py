"""`audit`: who did what to whom and why, as a hash chain (contracts.md section 4)."""

from typing import Annotated

from msgspec import Meta, Struct

from freshmart_streams.events.values import Id, Text, Time

Hash = Annotated[str, Meta(min_length=64, max_length=64, extra_json_schema={"pattern": "^[0-9a-f]{64}$"})]
"""SHA-256, lower-case hexadecimal."""


class AuditEntry(Struct, frozen=True, kw_only=True):
    """One link of the chain; `previous` is the hash of the entry before it. No personal data."""

    entry_id: Id
    at: Time
    actor: Text
    action: Text
    subject: Text
    purpose: Text
    details: dict[str, str | int | float | bool | None]
    previous: Hash
    hash: Hash

    @property
    def ce_id(self) -> str:
        """Unique per published state."""
        return self.entry_id
