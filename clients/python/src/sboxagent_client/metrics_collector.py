"""MetricsCollector: a plugin's own figures, which the agent shows to Prometheus as `sboxagent_custom_<name>`."""

from __future__ import annotations

import atexit
import functools
import threading
import time
import weakref
from collections import OrderedDict
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Tuple, Type, TypeVar, cast

from . import _fork
from .event_emitter import EventEmitter

if TYPE_CHECKING:
    from .client import AgentClient

F = TypeVar("F", bound=Callable[..., Any])
Key = Tuple[str, str, Tuple[Tuple[str, str], ...]]
#: Points of one call, the agent's limit.
CALL_POINTS = 1000
#: Series of counters and gauges, and values of histograms, that wait at most; further new ones are dropped and counted.
MAX_WAITING = 10_000
#: Failures after which nothing was taken in: the points are sent again. After others the agent may have them: counters must not count twice.
_NOT_TAKEN = frozenset({"UNAVAILABLE", "UNAUTHENTICATED", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED"})

_collectors: "weakref.WeakSet[MetricsCollector]" = weakref.WeakSet()


class MetricsCollector:
    """Counts, gauges and histograms of a plugin. Nothing here raises or waits: points leave in the background every `flush_interval` seconds.

    Counters are added up and gauges keep the newest value until then. Names are `[a-z][a-z0-9_]*`. `rejected` tells which points the
    agent refused, and why. The business helpers publish events (source: the plugin's id). Connection arguments are AgentClient's.
    """

    def __init__(
        self,
        plugin_id: str,
        *,
        flush_interval: float = 5.0,
        emitter: Optional[EventEmitter] = None,
        target: Optional[str] = None,
        token: Optional[str] = None,
        **connection: Any,
    ) -> None:
        self.plugin_id = plugin_id
        self._connection: Dict[str, Any] = {"target": target, "token": token, **connection}
        self._flush_interval = max(0.01, flush_interval)
        self._emitter = emitter
        self._units: Dict[str, str] = {}
        self.dropped = 0
        self.sent = 0
        #: The newest 100 refusals: (name, reason, message).
        self.rejected: List[Tuple[str, str, str]] = []
        self._client: Optional["AgentClient"] = None
        self._stopped = threading.Event()
        self._begin()
        _collectors.add(self)
        _fork.follow(self)

    def _begin(self) -> None:
        """Nothing counted, and fresh threads: at the start, and in the child after a fork. What the parent counted, the parent sends."""
        self._mutex = threading.Lock()
        self._sending = threading.Lock()
        self._sums: "OrderedDict[Key, float]" = OrderedDict()
        self._values: List[Tuple[Key, float]] = []
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"sboxagent-metrics-{self.plugin_id}", daemon=True)
        self._thread.start()

    def _after_fork(self) -> None:
        if not self._stopped.is_set():
            self._stopped = threading.Event()
            self._begin()

    # ---------------------------------------------------------------------------------------------------------------------- figures
    def counter(self, name: str, value: float = 1, *, unit: str = "", **labels: Any) -> None:
        """Adds `value`, which is not negative."""
        self._put("COUNTER", name, value, unit, labels)

    def gauge(self, name: str, value: float, *, unit: str = "", **labels: Any) -> None:
        """Sets the value."""
        self._put("GAUGE", name, value, unit, labels)

    def histogram(self, name: str, value: float, *, unit: str = "", **labels: Any) -> None:
        """Records one value."""
        self._put("HISTOGRAM", name, value, unit, labels)

    def timer(self, name: str, **labels: Any) -> Timer:
        """Context manager and decorator: records how long the block or the function took, in seconds, with a label `outcome` (ok, error)."""
        return Timer(self, name, labels)

    def _put(self, kind: str, name: str, value: Any, unit: str, labels: Mapping[str, Any]) -> None:
        try:
            key: Key = (kind, str(name), tuple(sorted((str(one), str(labels[one])) for one in labels)))
            number = float(value)
            with self._mutex:
                if unit:
                    self._units[key[1]] = unit
                if len(self._sums) + len(self._values) >= MAX_WAITING and (kind == "HISTOGRAM" or key not in self._sums):
                    self.dropped += 1
                elif kind == "HISTOGRAM":
                    self._values.append((key, number))
                else:
                    self._sums[key] = self._sums.get(key, 0.0) + number if kind == "COUNTER" else number
        except (TypeError, ValueError):
            self.dropped += 1

    # --------------------------------------------------------------------------------------------------------------------- business
    def _emit(self, type: str, data: Mapping[str, Any], severity: Optional[str] = None, trace_id: Optional[str] = None) -> None:
        if self._emitter is None:
            self._emitter = EventEmitter(self.plugin_id, **self._connection)
        self._emitter.emit(type, data, severity=severity, trace_id=trace_id)

    def subscription_processed(self, subscription: str, *, servers: int = 0, duration_ms: float = 0.0, trace_id: Optional[str] = None, **data: Any) -> None:
        """A provider's subscription was processed: event `subscription.processed`."""
        self._emit("subscription.processed", {**data, "subscription": subscription, "servers": servers, "duration_ms": duration_ms, "status": "completed"}, None, trace_id)

    def config_generated(self, client: str, *, outbounds: int = 0, duration_ms: float = 0.0, trace_id: Optional[str] = None, **data: Any) -> None:
        """A configuration was made: event `config.generated`, status completed (which is what the agent counts)."""
        self._emit("config.generated", {**data, "client": client, "outbounds": outbounds, "duration_ms": duration_ms, "status": "completed"}, None, trace_id)

    def error(self, error: Any, *, operation: str = "", trace_id: Optional[str] = None, **data: Any) -> None:
        """Something failed: event `plugin.error`."""
        kind = type(error).__name__ if isinstance(error, BaseException) else "Error"
        self._emit("plugin.error", {**data, "error_type": kind, "error_message": str(error)[:4096], "operation": operation}, "ERROR", trace_id)

    # ---------------------------------------------------------------------------------------------------------------------- sending
    def _points(self) -> List[Tuple[Key, float]]:
        with self._mutex:
            points = [*self._sums.items(), *self._values]
            self._sums, self._values = OrderedDict(), []
            return points

    def _back(self, points: List[Tuple[Key, float]]) -> None:
        """Not taken: they wait on, under what came since."""
        with self._mutex:
            for key, value in points:
                if key[0] == "COUNTER":
                    self._sums[key] = self._sums.get(key, 0.0) + value
                elif key[0] == "GAUGE":
                    self._sums.setdefault(key, value)
                elif len(self._values) < MAX_WAITING:
                    self._values.append((key, value))
                else:
                    self.dropped += 1

    def flush(self, timeout: float = 5.0) -> bool:
        """Sends what waits, again and again while the agent is unavailable; True when the agent has it within `timeout` seconds."""
        from .errors import AgentError

        end = time.monotonic() + timeout
        while True:
            failure = self._flush(max(end - time.monotonic(), 0.01))
            if failure is None:
                return True
            if not isinstance(failure, AgentError) or failure.code != "UNAVAILABLE" or time.monotonic() + 0.1 >= end:
                return False
            time.sleep(0.1)

    def _flush(self, timeout: float) -> Optional[Exception]:
        from .client import AgentClient
        from .errors import AgentError

        with self._sending:
            points = self._points()
            while points:
                batch, points = points[:CALL_POINTS], points[CALL_POINTS:]
                try:
                    if self._client is None:
                        self._client = AgentClient(**self._connection)
                    wire = [{"name": key[1], "kind": key[0], "value": value, "labels": dict(key[2]), "unit": self._units.get(key[1])} for key, value in batch]
                    answer = self._record(self._client, wire, timeout)
                except Exception as error:
                    if isinstance(error, AgentError) and error.code in _NOT_TAKEN:
                        self._back(batch + points)
                    else:
                        self.dropped += len(batch)
                        self._back(points)
                    return error
                self.sent += answer.accepted
                self.rejected = [*self.rejected, *((batch[one.index][0][1], one.reason, one.message) for one in answer.rejected)][-100:]
            return None

    def _record(self, client: "AgentClient", points: List[Dict[str, Any]], timeout: float) -> Any:
        """One call. A plugin that the agent does not know yet is made known, as one that lives inside runs: without a lease."""
        from .errors import NotFound

        try:
            return client.record_metrics(plugin_id=self.plugin_id, points=points, timeout=timeout)
        except NotFound:
            client.register_plugin(id=self.plugin_id, kind="LIBRARY", timeout=timeout)
            return client.record_metrics(plugin_id=self.plugin_id, points=points, timeout=timeout)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._wake.wait(self._flush_interval)
            self._wake.clear()
            if self._sums or self._values:
                self.flush()

    def close(self, timeout: float = 0.5) -> None:
        """Sends what waits, and ends."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        self._wake.set()
        if self._sums or self._values:
            self.flush(timeout)
        if self._emitter is not None:
            self._emitter.close()
        if self._client is not None:
            self._client.close()
        _collectors.discard(self)

    def __enter__(self) -> MetricsCollector:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self.close()


class Timer:
    """See MetricsCollector.timer."""

    def __init__(self, collector: MetricsCollector, name: str, labels: Mapping[str, Any]) -> None:
        self._collector = collector
        self._name = name
        self._labels = dict(labels)
        self._starts = threading.local()

    def __enter__(self) -> Timer:
        stack: List[float] = self._starts.__dict__.setdefault("stack", [])
        stack.append(time.perf_counter())
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        took = time.perf_counter() - self._starts.stack.pop()
        self._collector.histogram(self._name, took, unit="seconds", **{**self._labels, "outcome": "ok" if kind is None else "error"})

    def __call__(self, function: F) -> F:
        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return cast(F, timed)


def _close_all() -> None:
    for collector in list(_collectors):
        collector.close()


atexit.register(_close_all)
