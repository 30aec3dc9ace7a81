"""Opaque cursors: where a list goes on, as one position per partition.

A partition that is not named is finished. A position is the place in the list's order of the last row that was
looked at, so rows that come or go elsewhere are neither skipped nor repeated.
"""

import base64
import binascii
from collections.abc import Mapping

import msgspec

from freshmart_streams.web.problems import bad_parameter

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[int, str]).decode


def encode_cursor(positions: Mapping[int, str]) -> str:
    """The cursor for these positions."""
    return base64.urlsafe_b64encode(_encode(dict(sorted(positions.items())))).rstrip(b"=").decode()


def decode_cursor(cursor: str, partition_count: int) -> dict[int, str]:
    """The positions in a cursor.

    Raises:
        ProblemError: `bad-parameter`, for anything that `encode_cursor` did not write.
    """
    try:
        positions = _decode(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise bad_parameter("cursor", "take it from `next` or leave it out") from error
    if not positions or any(not 0 <= partition < partition_count for partition in positions):
        raise bad_parameter("cursor", "take it from `next` or leave it out")
    return positions
