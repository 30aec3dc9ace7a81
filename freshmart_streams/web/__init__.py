"""The read side: committed rows as JSON under `/v1`, and the dashboard; `mount` puts it on an aiohttp application.

Rows are read through a `Context` (`context.py`), become JSON in `presenters.py`, and are described to the outside by
`schema.py`, from which `/openapi.json` is made. A store's rows are answered by the worker that owns them: `peers.py`
asks it, signed, and lists over all stores are merged (`lists.py`).
"""

from freshmart_streams.web.access import TokensFileError
from freshmart_streams.web.application import mount
from freshmart_streams.web.company import CompanyDays
from freshmart_streams.web.context import Context
from freshmart_streams.web.signatures import PeerKeyError

__all__ = ["CompanyDays", "Context", "PeerKeyError", "TokensFileError", "mount"]
