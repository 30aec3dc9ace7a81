"""How deeply a JSON document is nested, found without recursion.

The parser's own limit is the interpreter's stack, which depends on who called and on the Python version: the same
message would be readable live and unreadable on replay. This limit depends on the message only.
"""

import re
from typing import Final

DEPTH_MAX: Final = 32
"""Levels of arrays and objects; no event of the contract has more than four."""

_OTHER_BYTES: Final = bytes(byte for byte in range(256) if byte not in b'[]{}"')
_TOO_DEEP: Final = b"[" * (DEPTH_MAX + 1)
_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
# A string, or what is left of one that does not end. Possessive, so that no input makes it look twice at a byte.
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.?[^"\\]*+)*+"?', re.DOTALL)


def is_too_deep(document: bytes) -> bool:
    """Whether a JSON document is nested deeper than `DEPTH_MAX`; of what is no JSON any answer may come.

    Fast for what is sent: few brackets cannot nest deeply, and flat lists vanish in two or three rounds.
    """
    if document.count(b"[") + document.count(b"{") <= DEPTH_MAX:
        return False
    brackets = document.translate(_ONE_KIND, _OTHER_BYTES).replace(b'""', b"")
    # Without escapes all quotes are gone by now, unless a string has brackets inside: those must not count.
    if b'"' in brackets or b"\\" in document:
        brackets = _STRING.sub(b"", document).translate(_ONE_KIND, _OTHER_BYTES)
    if _TOO_DEEP in brackets:  # what is meant to harm is found at once, and not cut down level by level
        return True
    for _ in range(DEPTH_MAX):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")  # the innermost of each branch
    return bool(brackets)
