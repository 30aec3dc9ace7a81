"""`crm`: what customers are and want (contracts.md section 3). Personal data: kept out of logs and messages."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from freshmart_streams.events.values import CustomerId, Id, StoreId, Text, Time


class CustomerKind(StrEnum):
    """What happened to a customer's record."""

    REGISTERED = "registered"
    PROFILE = "profile"
    CONSENT = "consent"
    OFFER_REDEEMED = "offer-redeemed"
    ERASURE = "erasure"
    ACCESS = "access"


class CustomerEvent(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A change of a customer's record; `event_id` is unique per customer.

    `purposes` belongs to `consent` (what is absent is not consented), `offer_id` to `offer-redeemed`, the profile
    fields to `registered` and `profile`.
    """

    event_id: Id
    customer_id: CustomerId
    occurred_at: Time
    kind: CustomerKind
    name: Text | None = None
    email: Text | None = None
    birth_year: Annotated[int, Meta(ge=1900, le=2100)] | None = None
    home_store: StoreId | None = None
    purposes: dict[Id, bool] | None = None
    offer_id: Id | None = None

    def __repr__(self) -> str:
        """Name kind and time only: a representation ends up in logs."""
        return f"CustomerEvent(kind={self.kind.value!r}, occurred_at={self.occurred_at.isoformat()!r})"
