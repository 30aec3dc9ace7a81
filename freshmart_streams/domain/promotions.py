"""Planned promotions: days on which an article sells more than otherwise, because a planner has it promoted.

They stand in the policy in force (`policies`). What a promoted day sells is learned apart from all other days
(`learning`), and expected again on the promoted days to come. A day is remembered as a promoted one when it is
learned: at the article's first sale or movement after its step of learning has ended, which lasts a fortnight at most
(`forecast`). What has left the policy by then is learned as a day like others.
"""

from collections.abc import Iterable
from typing import TypeAlias

Promotions: TypeAlias = tuple[tuple[int, int], ...]
"""Of each promotion the first and the last business day."""


def is_promoted(promotions: Promotions, day: int) -> bool:
    """Whether a business day lies in one of them.

    >>> [is_promoted(((5, 6), (9, 9)), day) for day in (4, 5, 6, 7, 9)]
    [False, True, True, False, True]
    """
    return any(first <= day <= last for first, last in promotions)


def are_coming(promotions: Promotions, today: int) -> bool:
    """Whether one of them runs or is still to come."""
    return any(today <= last for _, last in promotions)


def promoted_days(promotions: Promotions, first: int, last: int) -> Iterable[int]:
    """The promoted days from `first` to `last`, both included, in their order.

    >>> list(promoted_days(((9, 12), (5, 6), (6, 7)), 6, 10))
    [6, 7, 9, 10]
    """
    found = {day for begin, end in promotions for day in range(max(begin, first), min(end, last) + 1)}
    return sorted(found)
