from datetime import datetime
from enum import Enum
from types import SimpleNamespace

from ..logging.trace import get_trace_id


class EventType(str, Enum):
    CONFIG_GENERATED = "config.generated"
    ERROR_OCCURRED = "error.occurred"


class EventManager:
    def __init__(self):
        self.history = []

    def emit(self, event_type, payload, source="unknown", priority=50, trace_id=None):
        data = SimpleNamespace(event_type=event_type, payload=payload, source=source, timestamp=datetime.now(), priority=priority, trace_id=trace_id or get_trace_id(), session_id=None)
        event = SimpleNamespace(data=data, cancelled=False, processed=True, results=[])
        self.history.append(event)
        return event

    def get_event_history(self):
        return list(self.history)


_event_manager = None


def get_event_manager():
    global _event_manager
    if _event_manager is None:
        _event_manager = EventManager()
    return _event_manager
