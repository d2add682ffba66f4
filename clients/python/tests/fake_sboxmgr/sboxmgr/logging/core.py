import logging
import sys

from .trace import get_trace_id


class LoggingCore:
    def __init__(self):
        self._configured = False

    def configure(self):
        root = logging.getLogger("sboxmgr")
        for handler in root.handlers[:]:
            root.removeHandler(handler)
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logging.Formatter("[%(levelname)s] (%(name)s) %(message)s"))
        root.addHandler(handler)
        root.setLevel("INFO")


def initialize_logging():
    LoggingCore().configure()


def get_logger(name):
    return logging.LoggerAdapter(logging.getLogger(name), {"trace_id": get_trace_id()})
