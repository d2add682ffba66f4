"""Stand-in."""

from .core import get_logger, initialize_logging  # noqa: F401
