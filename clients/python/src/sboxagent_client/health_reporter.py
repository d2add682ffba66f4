"""HealthReporter: tells the agent how a plugin is, and that it still is."""

from __future__ import annotations

import threading
from datetime import timedelta
from types import TracebackType
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, Type, TypeVar

from . import _fork
from ._session import PluginSession
from .errors import AgentError

F = TypeVar("F", bound=Callable[[], Any])
Check = Callable[[], Any]
_RANK = {"HEALTHY": 1, "DEGRADED": 2, "UNHEALTHY": 3}


def _status(value: Any) -> str:
    text = str(getattr(value, "name", value)).upper()
    if text not in _RANK:
        raise ValueError(f"{value!r} is none of HEALTHY, DEGRADED, UNHEALTHY")
    return text


class HealthReporter:
    """Holds a lease for the plugin, renews it in the background, and reports.

    A registration is made at once and again whenever the session ended (a restarted agent, a lost lease); the last report is then
    repeated. `interval` is the seconds between runs of the checks; the lease is two and a half of them (at most 24 h) unless `lease`
    says otherwise. Nothing here raises for want of an agent: `error` is the last failure. Connection arguments are AgentClient's.
    """

    def __init__(
        self,
        plugin_id: str,
        interval: float = 60,
        *,
        lease: Optional[float] = None,
        name: Optional[str] = None,
        version: Optional[str] = None,
        labels: Optional[Mapping[str, str]] = None,
        target: Optional[str] = None,
        token: Optional[str] = None,
        **connection: Any,
    ) -> None:
        self.plugin_id = plugin_id
        self.interval = max(0.05, float(interval))
        granted = min(max(lease if lease is not None else self.interval * 2.5, 1.0), 86_400.0)
        self._session = PluginSession.shared(
            plugin_id,
            {"target": target, "token": token, **connection},
            {"kind": "REMOTE", "name": name, "version": version, "labels": labels, "lease": timedelta(seconds=granted)},
        )
        self._checks: List[Tuple[str, Check]] = []
        self._latest: Optional[Dict[str, Any]] = None
        self._due = False
        #: A report is on its way: it is with the agent when the call has come back.
        self._sending = False
        self._stopped = threading.Event()
        self._begin()
        self._session.on_register(self._again)
        self._start()
        _fork.follow(self)

    def _begin(self) -> None:
        self._mutex = threading.Lock()
        self._wake = threading.Event()
        self._sent = threading.Condition()
        self._thread: Optional[threading.Thread] = None

    def _start(self) -> None:
        with self._mutex:
            if self._thread is None and not self._stopped.is_set():
                self._thread = threading.Thread(target=self._run, name=f"sboxagent-health-{self.plugin_id}", daemon=True)
                self._thread.start()

    def _after_fork(self) -> None:
        """The parent goes on reporting; a child begins with its first own report or check."""
        if not self._stopped.is_set():
            self._stopped = threading.Event()
            self._due = self._sending = False
            self._begin()

    def report(self, status: Any, message: str = "", **details: Any) -> None:
        """Reports HEALTHY, DEGRADED or UNHEALTHY, why, and figures behind it. Returns at once; the newest report is the one that counts.

        Raises ValueError for another status, and nothing else."""
        self._put({"status": _status(status), "message": str(message)[:4096], "data": details or None})

    def check(self, call: Optional[F] = None, *, name: Optional[str] = None) -> Any:
        """Decorator: the function is run every `interval` and says how the plugin is.

        It returns None or True (well), False (UNHEALTHY), a status, or a pair of status and message; an exception is UNHEALTHY with its
        text. The worst of all checks is reported, each under its name in the report's data."""

        def add(one: F) -> F:
            self._checks.append((name or str(getattr(one, "__name__", "check")), one))
            self._start()
            self._wake.set()
            return one

        return add if call is None else add(call)

    def run_checks(self) -> Optional[Tuple[str, str, Dict[str, Any]]]:
        """Runs the checks now: the worst status, its message, and each one's word. None without checks."""
        worst, text, data = "HEALTHY", "", {}
        for label, call in list(self._checks):
            try:
                result = call()
                status, message = result if isinstance(result, tuple) else (result, "")
                status = {None: "HEALTHY", True: "HEALTHY", False: "UNHEALTHY"}[status] if status is None or isinstance(status, bool) else _status(status)
            except Exception as error:
                status, message = "UNHEALTHY", f"{type(error).__name__}: {error}"
            data[label] = {"status": status, "message": str(message)}
            if _RANK[status] > _RANK[worst]:
                worst, text = status, f"{label}: {message}" if message else label
        return (worst, text, data) if data else None

    def flush(self, timeout: float = 5.0) -> bool:
        """Waits until the newest report is with the agent; False after `timeout` seconds."""
        with self._sent:
            return self._sent.wait_for(lambda: not self._due and not self._sending, timeout)

    @property
    def error(self) -> Optional[AgentError]:
        """The last failure; None while all is well."""
        return self._session.error

    def _put(self, report: Dict[str, Any]) -> None:
        with self._mutex:
            self._latest, self._due = report, True
        self._start()
        self._wake.set()

    def _again(self) -> None:
        """A new session knows nothing of the last report."""
        with self._mutex:
            self._due = self._latest is not None
        self._wake.set()

    def _run(self) -> None:
        import time

        next_checks, failures = 0.0, 0
        while not self._stopped.is_set():
            now = time.monotonic()
            if self._checks and now >= next_checks:
                next_checks = now + self.interval
                found = self.run_checks()
                if found is not None:
                    self._put({"status": found[0], "message": found[1][:4096], "data": found[2]})
            self._wake.clear()
            if self._due:
                failures = 0 if self._send() else min(failures + 1, 8)
            pause = max(0.0, next_checks - time.monotonic()) if self._checks else 60.0
            self._wake.wait(min(pause, 0.25 * 2.0**failures) if failures else pause)

    def _send(self) -> bool:
        with self._mutex:
            report, self._due, self._sending = self._latest, False, True
        try:
            if report is not None:
                self._session.call(self._session.client.report_plugin_health, **report)
            return True
        except Exception as error:
            self._session.error = error if isinstance(error, AgentError) else AgentError(str(error))
            with self._mutex:
                self._due = True
            return False
        finally:
            with self._sent:
                self._sending = False
                self._sent.notify_all()

    def close(self) -> None:
        """Ends checks, renewals and the session: the agent takes it as on purpose, STOPPED and no alert. At the end of the program it happens by
        itself, unless an exception ended it."""
        self._close(True)

    def _close(self, on_purpose: bool) -> None:
        if self._stopped.is_set():
            return
        self._stopped.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(1.0)
        self._session.release(on_purpose)

    def __enter__(self) -> HealthReporter:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        # A block that an exception ends is not left on purpose: the lease runs out, and somebody looks.
        self._close(kind is None or not issubclass(kind, Exception))
