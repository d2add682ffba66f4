"""Client of sboxagent: calls, events, health, metrics, streams and configuration for programs and plugins in Python.

Nothing here imports grpc before it is used: a program that only emits events starts as fast as without this package.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._version import __version__ as __version__

if TYPE_CHECKING:
    from . import types as types
    from ._convert import enum_name as enum_name
    from ._convert import to_dict as to_dict
    from .client import AgentClient as AgentClient
    from .client import AsyncAgentClient as AsyncAgentClient
    from .client import AsyncStream as AsyncStream
    from .client import Stream as Stream
    from .client import apaginate as apaginate
    from .client import paginate as paginate
    from .errors import Aborted as Aborted
    from .errors import AgentError as AgentError
    from .errors import AlreadyExists as AlreadyExists
    from .errors import Cancelled as Cancelled
    from .errors import DeadlineExceeded as DeadlineExceeded
    from .errors import FailedPrecondition as FailedPrecondition
    from .errors import InternalError as InternalError
    from .errors import InvalidArgument as InvalidArgument
    from .errors import NotFound as NotFound
    from .errors import OutOfRange as OutOfRange
    from .errors import PermissionDenied as PermissionDenied
    from .errors import ResourceExhausted as ResourceExhausted
    from .errors import Unauthenticated as Unauthenticated
    from .errors import Unavailable as Unavailable
    from .errors import Unimplemented as Unimplemented
    from .errors import Violation as Violation
    from .event_emitter import EventEmitter as EventEmitter
    from .health_reporter import HealthReporter as HealthReporter
    from .metrics_collector import MetricsCollector as MetricsCollector
    from .plugin_config import PluginConfigDocument as PluginConfigDocument
    from .plugin_config import PluginConfigWatcher as PluginConfigWatcher
    from .stream_client import EventStreamClient as EventStreamClient
    from .stream_client import Gap as Gap

_HOMES = {
    "_convert": ("enum_name", "to_dict"),
    "client": ("AgentClient", "AsyncAgentClient", "AsyncStream", "Stream", "apaginate", "paginate"),
    "errors": (
        "Aborted", "AgentError", "AlreadyExists", "Cancelled", "DeadlineExceeded", "FailedPrecondition", "InternalError", "InvalidArgument",
        "NotFound", "OutOfRange", "PermissionDenied", "ResourceExhausted", "Unauthenticated", "Unavailable", "Unimplemented", "Violation",
    ),
    "event_emitter": ("EventEmitter",),
    "health_reporter": ("HealthReporter",),
    "metrics_collector": ("MetricsCollector",),
    "plugin_config": ("PluginConfigDocument", "PluginConfigWatcher"),
    "stream_client": ("EventStreamClient", "Gap"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = ["__version__", "types", *sorted(_HOME)]


def _load(module: str) -> Any:
    try:
        return importlib.import_module("." + module, __name__)
    except AttributeError as error:
        # Python takes an AttributeError of `__getattr__` for "there is no such name", and says nothing of its cause.
        raise ImportError(f"{__name__}.{module} cannot be loaded: {error}", name=f"{__name__}.{module}") from error


def __getattr__(name: str) -> Any:
    if name == "types":
        return _load("types")
    if name in _HOME:
        value = getattr(_load(_HOME[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
