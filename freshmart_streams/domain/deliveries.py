"""A store that no delivery can reach: on none of its delivery weekdays it is open, so nothing is ever ordered for it.

That may be meant, where its reorders are `off`; otherwise a person should know. The alert opens when an order is asked
for, and closes with the store's row of master data that allows for deliveries again.
"""

from freshmart_streams.domain import alerts, calendars
from freshmart_streams.domain.books import Moment
from freshmart_streams.events.alerts import AlertKind
from freshmart_streams.events.values import Mode


def tell_if_none(moment: Moment) -> None:
    """An order was asked for and there is no opportunity: say so, if that will not change by itself."""
    if not calendars.has_deliveries(moment.calendar):
        message = "No delivery weekday on which the store is open: nothing is ordered. Please check its calendar."
        days = ",".join(str(day) for day in moment.store.delivery_weekdays)
        alerts.open_for_store(moment, AlertKind.SERVICE_BELOW_TARGET, message, {"delivery_weekdays": days})


def apply_store(moment: Moment) -> None:
    """The store has another row of master data."""
    if calendars.has_deliveries(moment.calendar) or moment.store.rollout.reorder is Mode.OFF:
        alerts.close_for_store(moment, AlertKind.SERVICE_BELOW_TARGET, "The store's calendar has been changed.")
