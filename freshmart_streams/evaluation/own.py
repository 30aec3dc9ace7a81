"""The application's own forecast of a series: the functions that its agents call, in the order in which they do."""

from typing import Final

from freshmart_streams.domain import calendars, forecast
from freshmart_streams.domain.calendars import Calendar
from freshmart_streams.domain.forecast import Demand, Forecast, Parameters
from freshmart_streams.domain.promotions import Promotions, is_promoted, promoted_days
from freshmart_streams.domain.times import weekday

LATE_DAYS: Final = 14
"""As the setting `dedupe_days` is unless told otherwise. Nothing comes late here, so it moves no figure."""


class OwnForecast:
    """The row of an article, fed one day after the other."""

    def __init__(self, calendar: Calendar, typical_purchase: int, promotions: Promotions = ()) -> None:
        self.row = Demand()
        self._promotions = promotions
        self._calendar = calendar
        self._typical_purchase = typical_purchase

    def apply_day(self, day: int, *, sold: int, missing: int) -> None:
        """Take in a day that is over: base units sold, and the thousandths of it that the article was out of stock."""
        forecast.apply_offered(self.row, day=day)
        if sold:
            forecast.apply_sale(self.row, day=day, units=sold)
        forecast.apply_promoted(self.row, promoted_days(self._promotions, day, day))
        if missing:
            forecast.apply_missing(self.row, day=day, thousandths=missing)

    def learn(self, today: int) -> None:
        """Take the steps that ended before a day begins."""
        forecast.learn(
            self.row,
            calendar=self._calendar,
            today=today,
            late_days=LATE_DAYS,
            typical_purchase=self._typical_purchase,
        )

    def parameters(self, today: int) -> Parameters:
        """What is expected in the morning of a day, before anything is sold."""
        self.learn(today)
        return forecast.parameters(
            self.row, calendar=self._calendar, today=today, elapsed=0.0, typical_purchase=self._typical_purchase
        )

    def interval(self, expected: Parameters, first: int, last: int) -> Forecast:
        """Demand of the open days from `first` to `last`, both included."""
        days = calendars.selling_days(self._calendar, first, last)
        factor, planned = expected.promotion_factor, self._promotions
        return forecast.interval_in(
            expected, [(weekday(day) - 1, factor if is_promoted(planned, day) else 1.0) for day in days]
        )
