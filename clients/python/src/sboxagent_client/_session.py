"""One session of a plugin with the agent, shared by all in this process that speak for the plugin: a new registration would end the other."""

from __future__ import annotations

import atexit
import os
import random
import sys
import threading
import weakref
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from . import _fork
from .client import AgentClient
from .errors import AgentError

_sessions: Dict[Tuple[str, str], "weakref.ReferenceType[PluginSession]"] = {}
_guard = threading.Lock()
#: Another session took over, or the lease ended: the remedy is to register.
ENDED = "PLUGIN_SESSION_ENDED"
#: How long the word of an end may take, in seconds.
END_TIMEOUT = 0.5


class PluginSession:
    """Registers, renews in the background, registers again when the session ended or the agent was restarted."""

    def __init__(self, plugin_id: str, connection: Mapping[str, Any]) -> None:
        self.plugin_id = plugin_id
        self.client = AgentClient(**connection)
        self.registration: Dict[str, Any] = {}
        self._registered: Dict[str, Any] = {}
        self.session_id = ""
        self.lease = 0.0
        #: The last failure, None while all is well.
        self.error: Optional[AgentError] = None
        self._users = 0
        #: The process that registered: a child may use the session, but not end it.
        self._registrant = 0
        self._stopped = threading.Event()
        self._on_register: List[Callable[[], None]] = []
        self._begin()
        _fork.follow(self)

    def _begin(self) -> None:
        self._mutex = threading.RLock()
        self._wake = threading.Event()
        self._thread: Optional[threading.Thread] = None

    def _after_fork(self) -> None:
        """The parent goes on renewing. A child that has something to say uses the same session, and renews it from then on too."""
        stopped = self._stopped.is_set()
        self._stopped = threading.Event()
        if stopped:
            self._stopped.set()
        self._begin()

    @staticmethod
    def shared(plugin_id: str, connection: Mapping[str, Any], registration: Mapping[str, Any]) -> "PluginSession":
        """The process's session of this plugin at this agent; what is said at registration is joined."""
        key = (plugin_id, repr(sorted((name, str(value)) for name, value in connection.items() if value is not None)))
        with _guard:
            found = _sessions.get(key)
            session = found() if found is not None else None
            if session is None or session._stopped.is_set():
                session = PluginSession(plugin_id, connection)
                _sessions[key] = weakref.ref(session)
            session._users += 1
        for name, value in registration.items():
            if value is not None and not (name == "lease" and name in session.registration):
                session.registration[name] = value
        session._start()
        session._wake.set()
        return session

    def _start(self) -> None:
        with self._mutex:
            if self._thread is None and not self._stopped.is_set():
                self._thread = threading.Thread(target=self._run, name=f"sboxagent-{self.plugin_id}", daemon=True)
                self._thread.start()

    def on_register(self, call: Callable[[], None]) -> None:
        """`call` runs in the background after each registration."""
        self._on_register.append(call)
        if self.session_id:
            self._wake.set()

    def current(self) -> str:
        """The session's id; registers where there is none. Raises AgentError."""
        with self._mutex:
            if self._stopped.is_set():
                raise AgentError(f"this session of {self.plugin_id} was closed", reason=ENDED)
            # What was said since the last registration is told by another one.
            if not self.session_id or self._registered != self.registration:
                said = dict(self.registration)
                answer = self.client.register_plugin(id=self.plugin_id, **said)
                self._registered = said
                self._registrant = os.getpid()
                self.session_id = answer.session_id
                self.lease = answer.lease.seconds + answer.lease.nanos / 1e9
                self.error = None
            return self.session_id

    def forget(self, session_id: str) -> None:
        """That session is over."""
        with self._mutex:
            if self.session_id == session_id:
                self.session_id = ""
        self._wake.set()

    def call(self, method: Callable[..., Any], **fields: Any) -> Any:
        """A call of this session; once more under a new one where the old one ended. Raises AgentError."""
        self._start()
        for last in (False, True):
            session_id = self.current()
            try:
                return method(plugin_id=self.plugin_id, session_id=session_id, **fields)
            except AgentError as error:
                if error.reason not in (ENDED, "PLUGIN_NOT_FOUND") or last:
                    raise
                self.forget(session_id)
        raise AssertionError("unreachable")

    def _run(self) -> None:
        failures, told = 0, ""
        while not self._stopped.is_set():
            try:
                session_id = self.current()
                if session_id != told:
                    told = session_id
                    for call in list(self._on_register):
                        call()
                elif self.lease:
                    self.client.renew_plugin_lease(plugin_id=self.plugin_id, session_id=session_id)
                self.error, failures = None, 0
                pause = self.lease / 3 if self.lease else 60.0
            except AgentError as error:
                self.error = error
                if error.reason in (ENDED, "PLUGIN_NOT_FOUND"):
                    self.forget(session_id)
                failures = min(failures + 1, 10)
                # Two that fight for one id must not do it at full speed.
                pause = min(0.25 * 2.0**failures, 15.0) * random.uniform(0.7, 1.3)
            except Exception as error:
                self.error = AgentError(str(error))
                pause = 5.0
            self._wake.wait(pause)
            self._wake.clear()

    def release(self, on_purpose: bool = True) -> None:
        """One user less; the last one ends the background work and the session. Not `on_purpose`: the lease then runs out at the agent."""
        with _guard:
            self._users -= 1
            last = self._users <= 0
        if last:
            self._end(on_purpose)

    def _end(self, on_purpose: bool) -> None:
        if self._stopped.is_set():
            return
        self._stopped.set()
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(1.0)
        if on_purpose and self.session_id and self._registrant == os.getpid():
            try:
                self.client.end_plugin_session(plugin_id=self.plugin_id, session_id=self.session_id, timeout=END_TIMEOUT)
            except AgentError as error:
                # The agent is away, or another session took over. Without its word the lease runs out.
                self.error = error
        self.client.close()


def _end_all() -> None:
    """A program that comes to its end ends its sessions; one that an exception ended does not say that it was on purpose."""
    if getattr(sys, "last_type", None) is not None:
        return
    for found in list(_sessions.values()):
        session = found()
        if session is not None:
            session._end(True)


atexit.register(_end_all)


def _fresh_guard() -> None:
    global _guard
    _guard = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_fresh_guard)
