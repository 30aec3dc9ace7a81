"""Real-time stock, reorders, prices and reports for grocery chains.

Agents carry; the domain decides; tables remember; the engine makes it exactly once; topics connect; web reads.
docs/architecture.md follows one receipt through the code, file by file.
"""

import zoneinfo

__version__ = "0.1.0"

# When a business day begins, and so what is published, depends on the rules of time zones: they are those of the pinned
# package tzdata on every machine. Left alone, zoneinfo takes the machine's own files first.
zoneinfo.reset_tzpath(to=())
