"""EventEmitter: events that leave without making their program wait, and that outlive the agent's absence.

`emit` writes the event down as one line in a bounded buffer. The pump thread moves lines from there to the outbox; the sender thread hands
batches to the agent, each event once by its id. While the agent is away the outbox keeps its batches in files and the sender looks for
the agent now and then, without loading grpc before it is there.
"""

from __future__ import annotations

import atexit
import itertools
import json
import os
import threading
import time
import uuid
import weakref
from collections import deque
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Deque, Dict, List, Mapping, Optional, Tuple, Type, Union

from . import _fork, _record
from ._spool import Batch, Outbox, default_root
from ._target import Target, reachable, resolve

if TYPE_CHECKING:
    from .client import AgentClient

#: Events of one call: small enough that making it never holds the interpreter long.
CALL_EVENTS = 250
CALL_BYTES = 256 * 1024
#: A larger event would not fit into one message.
EVENT_BYTES = 700 * 1024
#: How long `emit` waits for room, in seconds.
ROOM_WAIT = 0.0004
CALL_TIMEOUT = 5.0
MAX_BACKOFF = 2.0
EXIT_TIMEOUT = 0.9
_PATH = "/sboxagent.v1.EventService/BatchCreateEvents"
#: Waiting and trying again cannot help these.
_HOPELESS = frozenset({"INVALID_ARGUMENT", "FAILED_PRECONDITION", "ALREADY_EXISTS", "OUT_OF_RANGE"})

_emitters: "weakref.WeakSet[EventEmitter]" = weakref.WeakSet()


class EventEmitter:
    """Publishes events with source `plugin_id`. Never raises, never makes the caller wait longer than 1 ms.

    At most `buffer_size` events wait to be taken over by the background thread: beyond it `emit` waits for room, less than a millisecond
    each time; at twice that number an event is dropped and counted. Without a spool no more than `buffer_size` wait for the agent. Events leave after `flush_interval` seconds at the latest. While the agent is away they wait in files below `spool` (a
    directory; default: below the user's state directory; False: nowhere), at most `spool_bytes`, the oldest given up first, and are sent
    in order when it is back, also by the next process that emits for this plugin. Connection arguments are those of AgentClient.

    Data of more than a few hundred values is written out in the background: do not change such data after `emit`.
    """

    def __init__(
        self,
        plugin_id: str,
        buffer_size: int = 1000,
        flush_interval: float = 5.0,
        spool: Union[None, bool, str, "os.PathLike[str]"] = None,
        *,
        spool_bytes: int = 64 * 1024 * 1024,
        target: Optional[str] = None,
        token: Optional[str] = None,
        **connection: Any,
    ) -> None:
        self.plugin_id = str(plugin_id)
        self._buffer_size = max(1, int(buffer_size))
        self._threshold = max(1, min(self._buffer_size // 2, CALL_EVENTS))
        self._flush_interval = max(0.01, float(flush_interval))
        self._target = target
        self._connection = {"token": token, **connection}
        root = default_root() if spool is None or spool is True else (None if spool is False else os.fspath(spool))
        self._outbox = Outbox(root, self.plugin_id, max(1, int(spool_bytes)), self._buffer_size)
        self._buffer: Deque[Any] = deque()
        self._closed = False
        self._begin()
        _emitters.add(self)
        _fork.follow(self)

    def _after_fork(self) -> None:
        if self._closed:
            return
        _fork.keep(self._client)
        self._buffer = deque()
        self._outbox.abandon()
        self._begin()

    def _begin(self) -> None:
        """Fresh threads and numbers: at the start, and in the child after a fork."""
        self._prefix = uuid.uuid4().hex
        self._tally = threading.Lock()
        self._counts = {"sent": 0, "rejected": 0, "dropped": 0, "replayed": 0}
        self._number = itertools.count(1)
        self._accepted_seen = 0
        self._settled = 0
        self._client: Optional["AgentClient"] = None
        self._wake, self._room, self._work = threading.Event(), threading.Event(), threading.Event()
        self._progress = threading.Condition()
        self._pumped = threading.Event()
        self._stop = False
        self._hurry = False
        self._adopt = True
        self._attempted = False
        self._pump_thread = threading.Thread(target=self._pump, name="sboxagent-pump", daemon=True)
        self._send_thread = threading.Thread(target=self._send, name="sboxagent-send", daemon=True)
        self._pump_thread.start()
        self._send_thread.start()

    # ------------------------------------------------------------------------------------------------------------ the caller's side
    def emit(
        self,
        type: Any,
        data: Optional[Mapping[str, Any]] = None,
        *,
        severity: Union[None, str, int] = None,
        priority: Optional[int] = None,
        trace_id: Optional[str] = None,
        time: Union[None, datetime, float] = None,
        subject: Optional[str] = None,
        attributes: Optional[Mapping[str, str]] = None,
        source: Optional[str] = None,
    ) -> Optional[str]:
        """Takes an event; returns its id, or None when it was dropped.

        `type` is dotted lower case (another spelling is made that, the original kept in an attribute). `severity` is DEBUG, INFO (the
        default), WARNING, ERROR or CRITICAL; `priority` 0 to 100; `time` a datetime (without a zone: local) or seconds since 1970, now
        by default; `trace_id` 32 hex digits, a UUID or 8 hex digits. `source` replaces the plugin's id.
        """
        try:
            if self._closed:
                self._add("dropped", 1)
                return None
            record = self._record(type, severity, priority, trace_id, time, subject, attributes, source)
            value = data if data is not None else {}
            if not isinstance(value, Mapping):
                value = {"value": value}
            record["data"] = value
            item = _record.line_of(record) if _record.is_small(value) else record
            if len(self._buffer) >= self._buffer_size and not self._wait_for_room():
                self._add("dropped", 1)
                return None
            self._buffer.append(item)
            with self._tally:
                self._accepted_seen += 1
            if len(self._buffer) >= self._threshold and not self._wake.is_set():
                self._wake.set()
            return str(record["id"])
        except Exception:
            self._add("dropped", 1)
            return None

    def _add(self, name: str, count: int) -> None:
        with self._tally:
            self._counts[name] += count

    def _record(
        self, type: Any, severity: Any, priority: Any, trace_id: Any, when: Any, subject: Any, attributes: Any, source: Any
    ) -> Dict[str, Any]:
        name, original = _record.type_of(type)
        record: Dict[str, Any] = {
            "id": f"{self._prefix}-{next(self._number)}",
            "type": name,
            "source": (str(source) if source else self.plugin_id)[:256],
            "time": _record.seconds_of(when, time.time()),
        }
        extra: Dict[str, str] = {str(key)[:128]: str(value)[:1024] for key, value in (attributes or {}).items()}
        if original is not None:
            extra["original_type"] = original
        if severity is not None:
            record["severity"] = _record.severity_of(severity)
        if priority is not None:
            record["priority"] = min(100, max(0, int(priority)))
        if trace_id:
            record["trace_id"], given = _record.trace_of(trace_id)
            if given is not None:
                extra["original_trace_id"] = given
        if subject:
            record["subject"] = str(subject)[:1024]
        if extra:
            record["attributes"] = extra
        return record

    def _wait_for_room(self) -> bool:
        self._room.clear()
        self._wake.set()
        if len(self._buffer) >= self._buffer_size:
            self._room.wait(ROOM_WAIT)
        return len(self._buffer) < 2 * self._buffer_size

    def flush(self, timeout: float = 5.0) -> bool:
        """Sends at once; True when the agent has acknowledged everything that was emitted before, also what processes that are gone left
        in the spool of this plugin. False after `timeout` seconds."""
        try:
            target, lost = self._accepted_seen, self._outbox.lost
            end = time.monotonic() + max(0.0, timeout)
            self._hurry = True
            self._wake.set()
            with self._progress:
                while self._settled_now() < target or self._left_behind():
                    left = end - time.monotonic()
                    if left <= 0 or self._stop:
                        return False
                    self._hurry = True
                    self._work.set()
                    self._progress.wait(min(left, 0.1))
                return self._outbox.lost == lost
        except Exception:
            return False

    def _left_behind(self) -> bool:
        """Whether something of processes that are gone waits; the sender is made to look for it."""
        if not self._outbox.left_behind():
            return False
        self._adopt = True
        return True

    def close(self, timeout: float = EXIT_TIMEOUT) -> None:
        """Sends what there is time for, keeps the rest in the spool, and ends. At most `timeout` seconds, and a disk's fsync."""
        try:
            self._close(time.monotonic() + timeout)
        except Exception:
            pass

    def _close(self, end: float) -> None:
        if self._closed:
            return
        self._closed = True
        self._hurry = True
        self._wake.set()
        self._pumped.wait(max(0.0, end - time.monotonic()))
        target = self._accepted_seen
        with self._progress:
            while self._settled_now() < target and not (self._attempted and self._outbox.away):
                left = end - time.monotonic()
                if left <= 0:
                    break
                self._work.set()
                self._progress.wait(min(left, 0.05))
            self._stop = True
        self._work.set()
        # A thread that is inside a call is not waited for: its batch is in the spool, and the agent knows its ids.
        self._send_thread.join(0.02)
        self._outbox.close()
        client, self._client = self._client, None
        if client is not None and not self._send_thread.is_alive():
            client.close()
        _emitters.discard(self)

    @property
    def stats(self) -> Dict[str, int]:
        """`emitted`, `sent` (acknowledged), `waiting`, `dropped` (no room, no disk), `rejected` (by the agent), `replayed` (for others)."""
        lost = self._outbox.lost
        waiting = self._accepted_seen - self._settled - self._counts["rejected"] - lost
        return {
            "emitted": self._accepted_seen,
            "sent": self._counts["sent"],
            "waiting": max(0, waiting) if not self._closed else 0,
            "dropped": self._counts["dropped"] + lost,
            "rejected": self._counts["rejected"],
            "replayed": self._counts["replayed"],
        }

    def __enter__(self) -> EventEmitter:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self.close()

    # ------------------------------------------------------------------------------------------------------------------ the threads
    def _settled_now(self) -> int:
        return self._settled + self._counts["rejected"] + self._outbox.lost

    def _pump(self) -> None:
        wake = self._wake
        while True:
            wake.wait(self._flush_interval)
            last = self._closed
            wake.clear()
            try:
                self._move()
            except Exception:
                pass
            self._work.set()
            if last or wake is not self._wake:
                self._pumped.set()
                return

    def _move(self) -> None:
        """From the buffer to the outbox."""
        while self._buffer:
            items = []
            for _ in range(min(len(self._buffer), self._buffer_size)):
                items.append(self._buffer.popleft())
            self._room.set()
            lines = []
            for item in items:
                line = item if isinstance(item, str) else _record.line_of(item)
                if len(line) > EVENT_BYTES:
                    self._add("rejected", 1)
                else:
                    lines.append(line)
            if lines:
                self._outbox.put(lines)

    def _send(self) -> None:
        work, failures = self._work, 0
        while work is self._work and not self._stop:
            try:
                done = self._round()
            except Exception:
                done = self._leave()
            self._attempted = True
            with self._progress:
                self._progress.notify_all()
            if not done:
                self._rest(min(0.2 * 2.0**failures, MAX_BACKOFF))
                failures = min(failures + 1, 10)
                continue
            failures = 0
            if not self._stop and self._outbox.empty():
                self._hurry = False
                work.wait(60.0)
                work.clear()

    def _rest(self, seconds: float) -> None:
        """Waits for the next attempt, and meanwhile brings files to the disk. `flush` and `close` shorten it."""
        start = time.monotonic()
        while not self._stop:
            self._outbox.sync()
            now = time.monotonic()
            end = start + (min(seconds, 0.1) if self._hurry else seconds)
            if now >= end:
                self._hurry = False
                return
            self._work.wait(end - now)
            self._work.clear()

    def _leave(self) -> bool:
        """The agent is away."""
        self._outbox.go_away()
        self._adopt = True
        client, self._client = self._client, None
        if client is not None:
            client.close()
        return False

    def _round(self) -> bool:
        """Hands over the oldest batch; False when the agent did not take it."""
        if self._client is None:
            target = resolve(self._target)
            if not reachable(target, 0.2):
                return self._leave()
            self._client = self._dial(target)
        if self._adopt:
            self._adopt = False
            self._outbox.adopt()
        batch = self._outbox.head()
        if batch is None:
            return True
        try:
            lines = batch.read()
        except OSError:
            self._outbox.spoil(batch)
            return True
        ahead: Optional[Tuple[Any, int]] = None
        while batch.sent < len(lines):
            count = _chunk(lines, batch.sent)
            after = batch.sent + count
            made = ahead or _request(lines[batch.sent : after])
            ahead = None
            wait = self._begin_call(made[0])
            if wait is not None and after < len(lines):
                # While the agent works; calls themselves never overlap, which keeps the order.
                ahead = _request(lines[after : after + _chunk(lines, after)])
            if not self._hand_over(lines[batch.sent : after], batch, made, wait):
                return self._leave()
            batch.sent = after
            with self._progress:
                self._progress.notify_all()
        self._outbox.done(batch)
        self._outbox.away = False
        return True

    def _dial(self, target: Target) -> "AgentClient":
        from .client import AgentClient

        return AgentClient(self._target or target.address, timeout=CALL_TIMEOUT, **self._connection)

    def _begin_call(self, request: Any) -> Optional[Callable[[], Any]]:
        """A call under way; None at the end of the program, when Python starts no more threads, and where there is nothing to send."""
        client = self._client
        if client is None or self._closed or not request.events:
            return None
        return client.begin(_PATH, request, CALL_TIMEOUT)

    def _hand_over(self, lines: List[str], batch: Batch, made: Tuple[Any, int], wait: Optional[Callable[[], Any]] = None) -> bool:
        """One call. What the agent refuses for good is narrowed down to the event itself, which is given up and counted."""
        from .errors import AgentError

        client = self._client
        if client is None:
            return False
        request, rejected = made
        try:
            if wait is not None:
                wait()
            elif request.events:
                client.call(_PATH, request, CALL_TIMEOUT, again=False)
        except AgentError as error:
            if error.code not in _HOPELESS and error.reason not in ("MESSAGE_TOO_LARGE", "EVENT_RESERVED"):
                return False
            if len(lines) > 1:
                half = len(lines) // 2
                return all(self._hand_over(part, batch, _request(part)) for part in (lines[:half], lines[half:]))
            rejected = 1
        self._count(len(lines) - rejected, rejected, batch)
        return True

    def _count(self, sent: int, rejected: int, batch: Batch) -> None:
        if batch.adopted is not None:
            self._add("replayed", sent)
            return
        self._add("sent", sent)
        self._add("rejected", rejected)
        self._settled += sent


def _chunk(lines: List[str], start: int) -> int:
    count, size = 0, 0
    for line in lines[start : start + CALL_EVENTS]:
        size += len(line)
        if count and size > CALL_BYTES:
            break
        count += 1
    return count


def _request(lines: List[str]) -> Tuple[Any, int]:
    """The request of the lines, and how many are damaged. Lets the program's own thread in between."""
    from . import types

    request: Any = types.BatchCreateEventsRequest()
    damaged = 0
    for index, line in enumerate(lines):
        if index % 16 == 15:
            time.sleep(0.00005)
        try:
            _record.fill_event(request.events.add(), json.loads(line))
        except Exception:
            del request.events[-1]
            damaged += 1
    return request, damaged


def _close_all() -> None:
    end = time.monotonic() + EXIT_TIMEOUT
    waiting = list(_emitters)
    for emitter in waiting:
        emitter._hurry = True
        emitter._wake.set()
    for emitter in waiting:
        emitter.close(max(0.0, end - time.monotonic()))


atexit.register(_close_all)
