"""What sboxmgr loads by the entry point group `sboxmgr.plugins`: it makes an unmodified sboxmgr tell the agent what it does.

Reported are every call of a fetcher, parser, validator, middleware, postprocessor, selector, policy and exporter (`plugin.called`, or
`plugin.error`; source: the plugin's id), the events of sboxmgr's EventManager, and its log lines (`sboxmgr.log`), all redacted and under
the run's trace id. What sboxmgr prints, returns and raises stays as it was; nothing here ever fails or waits for the agent, and grpc is
loaded only when an agent listens, beside the run. SBOXAGENT_DISABLE=1 switches it off. SBOXAGENT_LOG_LEVEL (INFO) bounds the log lines.

sboxmgr's loader puts the loaded object into its registry under the entry point's name; `register` is that object.
"""

from __future__ import annotations

import atexit
import functools
import importlib
import inspect
import logging
import os
import re
import sys
import threading
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from . import _redact
from ._record import trace_of
from .event_emitter import EventEmitter

SOURCE = "sboxmgr"
#: Calls of one plugin's method in one run that are told one by one; further ones (policies are asked for every server) are summed up.
SINGLE_CALLS = 20
#: Log lines of one run that are reported; what is over is counted in the last one.
MAX_LOG_LINES = 2000

#: Base classes of sboxmgr's plugins: module, class, methods, kind. What a version of sboxmgr lacks is skipped.
_BASES: Tuple[Tuple[str, str, Tuple[str, ...], str], ...] = (
    ("sboxmgr.subscription.base_fetcher", "BaseFetcher", ("fetch",), "fetcher"),
    ("sboxmgr.subscription.base_parser", "BaseParser", ("parse",), "parser"),
    ("sboxmgr.subscription.base_selector", "BaseSelector", ("select",), "selector"),
    ("sboxmgr.subscription.base_exporter", "BaseExporter", ("export",), "exporter"),
    ("sboxmgr.subscription.middleware_base", "BaseMiddleware", ("process",), "middleware"),
    ("sboxmgr.subscription.middleware.base", "BaseMiddleware", ("process",), "middleware"),
    ("sboxmgr.subscription.postprocessor_base", "BasePostProcessor", ("process",), "postprocessor"),
    ("sboxmgr.subscription.postprocessors.base", "BasePostProcessor", ("process",), "postprocessor"),
    ("sboxmgr.subscription.validators.base", "BaseRawValidator", ("validate",), "validator"),
    ("sboxmgr.subscription.validators.base", "BaseParsedValidator", ("validate",), "validator"),
    ("sboxmgr.subscription.validators.base", "BaseValidator", ("validate",), "validator"),
    ("sboxmgr.policies.base", "BasePolicy", ("evaluate",), "policy"),
)
#: Modules with exporters that are functions, and the functions.
_FUNCTIONS = (
    ("sboxmgr.subscription.exporters.singbox_exporter", "singbox_export", "singbox"),
    ("sboxmgr.subscription.exporters.singbox_exporter", "singbox_export_with_middleware", "singbox"),
    ("sboxmgr.subscription.exporters.clashexporter", "clash_export", "clash"),
)
_MARK = "__sboxagent__"

_emitter: Optional[EventEmitter] = None
_inside = threading.local()


def register(*_: Any, **__: Any) -> None:
    """What sboxmgr finds in its registry under `sboxagent`. No plugin that could be run: `source_type: sboxagent` is refused."""
    raise ValueError("sboxagent is no source type: the package sboxagent-client reports to the agent")


# ------------------------------------------------------------------------------------------------------------------------- reporting
def _trace_id() -> str:
    """The run's trace id as sboxmgr has it."""
    trace = sys.modules.get("sboxmgr.logging.trace")
    return str(trace.get_trace_id()) if trace is not None else ""


def _emit(type: str, data: Mapping[str, Any], *, source: str = SOURCE, trace_id: Optional[str] = None, **more: Any) -> None:
    if _emitter is None:
        return
    given = trace_id or _trace_id()
    attributes = {"origin": "sboxmgr", **more.pop("attributes", {})}
    if given:
        # Also where the id has its full length already: the contract keeps the original by name.
        attributes["original_trace_id"] = given
    _emitter.emit(type, data, source=source, trace_id=trace_of(given)[0], attributes=attributes, **more)


def _items(value: Any) -> Optional[int]:
    """How many things a result is made of; None where that says nothing."""
    for name in ("valid_servers", "outbounds"):
        inner = getattr(value, name, None)
        if isinstance(inner, list):
            return len(inner)
    if isinstance(value, dict) and isinstance(value.get("outbounds"), list):
        return len(value["outbounds"])
    return len(value) if isinstance(value, (list, tuple, dict)) else None


def _figures(result: Any) -> Dict[str, Any]:
    out: Dict[str, Any] = {}
    count = _items(result)
    if count is not None:
        out["items"] = count
    if isinstance(result, (bytes, bytearray, str)):
        out["bytes"] = len(result)
    errors = getattr(result, "errors", None)
    if isinstance(errors, list):
        out["errors"] = len(errors)
    for name in ("valid", "allowed"):
        if isinstance(getattr(result, name, None), bool):
            out[name] = getattr(result, name)
    return out


class _Sum:
    """Calls of one plugin's method that are told in one event at the end of the run."""

    def __init__(self) -> None:
        self.calls = 0
        self.rest = 0
        self.took = 0.0
        self.longest = 0.0
        self.figures: Dict[str, int] = {}


_sums: Dict[Tuple[str, str, str], _Sum] = {}


def _summed(plugin: str, kind: str, method: str, took: float, result: Any) -> bool:
    """Whether a call is only added up."""
    one = _sums.setdefault((plugin, kind, method), _Sum())
    one.calls += 1
    if one.calls <= SINGLE_CALLS:
        return False
    one.rest += 1
    one.took += took
    one.longest = max(one.longest, took)
    for name, value in _figures(result).items():
        if isinstance(value, bool):
            name, value = (name, 1) if value else (f"not_{name}", 1)
        one.figures[name] = one.figures.get(name, 0) + value
    return True


def _tell_sums() -> None:
    for (plugin, kind, method), one in list(_sums.items()):
        if one.rest:
            data = {**one.figures, "plugin_type": kind, "method": method, "calls": one.rest, "duration_ms": round(one.took * 1000, 3), "longest_ms": round(one.longest * 1000, 3)}
            _emit("plugin.called", data, source=plugin, attributes={"plugin": plugin})
    _sums.clear()


def _report(plugin: str, kind: str, method: str, took: float, result: Any, error: Optional[BaseException]) -> None:
    try:
        data: Dict[str, Any] = {"plugin_type": kind, "method": method, "duration_ms": round(took * 1000, 3)}
        if error is None and _summed(plugin, kind, method, took, result):
            return
        if error is None:
            data.update(_figures(result))
            _emit("plugin.called", data, source=plugin, attributes={"plugin": plugin})
        else:
            data.update(errors=1, error_type=type(error).__name__, error_message=_redact.text(str(error)))
            _emit("plugin.error", data, source=plugin, severity="ERROR", attributes={"plugin": plugin})
    except Exception:
        pass


# -------------------------------------------------------------------------------------------------------------------------- wrapping
def _snake(name: str) -> str:
    first = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"[^A-Za-z0-9._-]", "_", first).lower().strip("_")[:63] or "plugin"


def _plugin_id(instance: Any) -> str:
    """The name under which sboxmgr has registered the class; the source's own type where several names lead to it."""
    cls = type(instance)
    registry = getattr(sys.modules.get("sboxmgr.subscription.registry"), "PLUGIN_REGISTRY", {})
    wanted = getattr(getattr(instance, "source", None), "source_type", None)
    if isinstance(wanted, str) and registry.get(wanted) is cls:
        return wanted
    return next((str(name) for name, one in registry.items() if one is cls), _snake(cls.__name__))


def _call(function: Callable[..., Any], key: Any, name: Callable[[], str], kind: str, args: Any, kwargs: Any) -> Any:
    """The call itself, timed. A plugin's method that calls the same of its base class is one call."""
    active = _inside.__dict__.setdefault("keys", set())
    if key in active:
        return function(*args, **kwargs)
    active.add(key)
    start = time.perf_counter()
    error: Optional[BaseException] = None
    result = None
    try:
        result = function(*args, **kwargs)
        return result
    except BaseException as raised:
        error = raised
        raise
    finally:
        took = time.perf_counter() - start
        active.discard(key)
        try:
            _report(name(), kind, getattr(function, "__name__", ""), took, result, error)
        except Exception:
            pass


def _wrap_method(cls: type, method: str, kind: str) -> None:
    function = cls.__dict__.get(method)
    if not inspect.isfunction(function) or hasattr(function, _MARK) or inspect.iscoroutinefunction(function) or getattr(function, "__isabstractmethod__", False):
        return
    if cls.__name__.endswith("Chain"):
        return  # it only calls others

    @functools.wraps(function)
    def reported(self: Any, *args: Any, **kwargs: Any) -> Any:
        return _call(function, (id(self), method), lambda: _plugin_id(self), kind, (self, *args), kwargs)

    setattr(reported, _MARK, True)
    setattr(cls, method, reported)


def _wrap_tree(base: type, methods: Tuple[str, ...], kind: str) -> None:
    """Every subclass there is, and every one that comes."""
    stack: List[type] = [base]
    while stack:
        cls = stack.pop()
        for method in methods:
            _wrap_method(cls, method, kind)
        stack.extend(cls.__subclasses__())
    if hasattr(base, _MARK):
        return
    before = base.__dict__.get("__init_subclass__")

    def hook(cls: type, **kwargs: Any) -> None:
        if before is not None:
            before.__get__(None, cls)(**kwargs)
        else:
            super(base, cls).__init_subclass__(**kwargs)  # type: ignore[arg-type]
        try:
            for method in methods:
                _wrap_method(cls, method, kind)
        except Exception:
            pass

    made: Any = classmethod(hook)  # type: ignore[arg-type]  # a class method has its class first
    setattr(base, "__init_subclass__", made)
    setattr(base, _MARK, True)


def _wrap_function(function: Callable[..., Any], plugin: str) -> Callable[..., Any]:
    if hasattr(function, _MARK):
        return function

    @functools.wraps(function)
    def reported(*args: Any, **kwargs: Any) -> Any:
        # One exporter calling the other is one call.
        return _call(function, ("exporter", plugin), lambda: plugin, "exporter", args, kwargs)

    setattr(reported, _MARK, True)
    return reported


def _wrap_exporters() -> None:
    replaced: Dict[int, Callable[..., Any]] = {}
    for module_name, name, plugin in _FUNCTIONS:
        module = _module(module_name)
        function = getattr(module, name, None)
        if module is not None and inspect.isfunction(function):
            replaced[id(function)] = _wrap_function(function, plugin)
            setattr(module, name, replaced[id(function)])
    manager = sys.modules.get("sboxmgr.export.export_manager")
    registry = getattr(manager, "EXPORTER_REGISTRY", None)
    if isinstance(registry, dict):
        for key, function in list(registry.items()):
            if inspect.isfunction(function):
                registry[key] = replaced.get(id(function)) or _wrap_function(function, str(key))
    for name in ("singbox_export", "clash_export"):
        function = getattr(manager, name, None)
        if function is not None and id(function) in replaced:
            setattr(manager, name, replaced[id(function)])


def _module(name: str) -> Any:
    """A module of sboxmgr that is there and importable. Only what its own package has loaded or loads anyway."""
    try:
        return sys.modules.get(name) or importlib.import_module(name)
    except Exception:
        return None


# ------------------------------------------------------------------------------------------------------------ events and log lines
def _forward(event: Any) -> None:
    """An event of sboxmgr's EventManager."""
    try:
        if getattr(event, "cancelled", False) and not getattr(event, "processed", False):
            return
        told = event.data
        name = str(getattr(told.event_type, "value", told.event_type))
        last = name.rsplit(".", 1)[-1]
        severity = "ERROR" if last in ("failed", "error") or name.startswith("error.") else "WARNING" if name.startswith("warning.") else "DEBUG" if name.startswith(("debug.", "trace.")) else None
        more: Dict[str, str] = {"session_id": str(told.session_id)} if getattr(told, "session_id", None) else {}
        source = str(told.source) if told.source and told.source != "unknown" else SOURCE
        _emit(name, _redact.data(told.payload), source=source, trace_id=told.trace_id, severity=severity, priority=int(told.priority), time=told.timestamp, attributes=more)
    except Exception:
        pass


def _wrap_events() -> None:
    core = _module("sboxmgr.events.core")
    manager = getattr(core, "EventManager", None)
    if manager is None or hasattr(manager, _MARK):
        return
    emit, emit_async = manager.emit, getattr(manager, "emit_async", None)

    @functools.wraps(emit)
    def reported(self: Any, *args: Any, **kwargs: Any) -> Any:
        event = emit(self, *args, **kwargs)
        _forward(event)
        return event

    manager.emit = reported
    if emit_async is not None:

        @functools.wraps(emit_async)
        async def reported_async(self: Any, *args: Any, **kwargs: Any) -> Any:
            event = await emit_async(self, *args, **kwargs)
            _forward(event)
            return event

        manager.emit_async = reported_async
    setattr(manager, _MARK, True)
    # Those of this run that came before sboxmgr loaded its plugins.
    living = getattr(core, "_event_manager", None)
    for event in living.get_event_history() if living is not None else ():
        _forward(event)


class _LogHandler(logging.Handler):
    """Log lines as events. Never writes anything, never raises."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.left = MAX_LOG_LINES
        self.over = 0

    def handle(self, record: logging.LogRecord) -> bool:
        # No lock: nothing here is shared, and the caller must not wait.
        if record.levelno >= self.level and not getattr(_inside, "logging", False):
            _inside.logging = True
            try:
                self.emit(record)
            except Exception:
                pass
            finally:
                _inside.logging = False
        return True

    def emit(self, record: logging.LogRecord) -> None:
        if self.left <= 0:
            self.over += 1
            return
        self.left -= 1
        severity = "CRITICAL" if record.levelno >= 50 else "ERROR" if record.levelno >= 40 else "WARNING" if record.levelno >= 30 else "INFO" if record.levelno >= 20 else "DEBUG"
        data: Dict[str, Any] = {"logger": record.name, "level": record.levelname, "message": _redact.text(record.getMessage())}
        operation = getattr(record, "operation", None)
        if operation:
            data["operation"] = str(operation)[:256]
        if record.exc_info and record.exc_info[1] is not None:
            data["error_type"] = type(record.exc_info[1]).__name__
            data["error_message"] = _redact.text(str(record.exc_info[1]))
        trace = getattr(record, "trace_id", None)
        _emit("sboxmgr.log", data, severity=severity, time=record.created, trace_id=str(trace) if trace else None)


def _attach(handler: logging.Handler) -> None:
    logger = logging.getLogger("sboxmgr")
    # Without any handler Python writes warnings to stderr by itself; ours would silence that.
    if handler not in logger.handlers and logger.hasHandlers():
        logger.addHandler(handler)


def _wrap_logging() -> None:
    level = logging.getLevelName(os.environ.get("SBOXAGENT_LOG_LEVEL", "INFO").upper())
    handler = _LogHandler(level if isinstance(level, int) else logging.INFO)
    _attach(handler)
    core = getattr(sys.modules.get("sboxmgr.logging.core"), "LoggingCore", None)
    if core is None or hasattr(core, _MARK):
        return
    configure = core.configure

    @functools.wraps(configure)
    def configured(self: Any) -> Any:
        result = configure(self)
        try:
            _attach(handler)  # a new configuration takes every handler off
        except Exception:
            pass
        return result

    core.configure = configured
    setattr(core, _MARK, True)


def install() -> bool:
    """Wraps what is there. True when it reports; False when it is switched off, is not inside sboxmgr, or failed."""
    global _emitter
    if _emitter is not None:
        return True
    if os.environ.get("SBOXAGENT_DISABLE", "").strip().lower() in ("1", "true", "yes", "on"):
        return False
    if "sboxmgr" not in sys.modules:
        return False
    try:
        _emitter = EventEmitter(SOURCE, buffer_size=4000, flush_interval=1.0)
    except Exception:
        return False
    # Later than the emitter's own, hence before it.
    atexit.register(_tell_sums)
    for step in (_wrap_events, _wrap_logging, _wrap_exporters):
        try:
            step()
        except Exception:
            continue
    for module_name, name, methods, kind in _BASES:
        try:
            base = getattr(_module(module_name), name, None)
            if isinstance(base, type):
                _wrap_tree(base, methods, kind)
        except Exception:
            continue
    return True


try:
    install()
except Exception:  # reporting must never be a reason to fail
    pass
