"""The logger of Faust's services here: their starting and stopping is Faust's story, not the engine's."""

import logging

SERVICE_LOG = logging.getLogger("mode.engine")
