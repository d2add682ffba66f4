"""EventStreamClient: events as they happen, over reconnects and restarts of the agent, each once and in order."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, AsyncIterator, Dict, Iterator, List, Optional, Sequence, Type, Union

from . import types as _t
from .client import AgentClient, AsyncAgentClient, Stream
from .errors import AgentError, Unavailable

__all__ = ["EventStreamClient", "Gap"]

#: Waiting cannot help these: they are raised.
_FINAL = frozenset({"INVALID_ARGUMENT", "UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND", "UNIMPLEMENTED", "FAILED_PRECONDITION"})
_MAX_BACKOFF = 2.0


@dataclass(frozen=True)
class Gap:
    """Events that are gone before they could be given: the first and last revision missed, and how many (of all types)."""

    from_revision: int
    to_revision: int
    count: int


class _Cursor:
    """Where the stream stands, and how it goes on after a failure. The same for both kinds of iterator."""

    def __init__(self, after_revision: Optional[int], fields: Dict[str, Any], give_up_after: Optional[float]) -> None:
        self.revision = after_revision
        self._fields = fields
        self._give_up_after = give_up_after
        self._failures = 0
        self._failing_since: Optional[float] = None

    def request(self) -> Dict[str, Any]:
        return {**self._fields, "after_revision": self.revision}

    def take(self, message: Any) -> List[Union[_t.Event, Gap]]:
        """What of a message is new."""
        self._failures, self._failing_since = 0, None
        out: List[Union[_t.Event, Gap]] = []
        if message.HasField("gap"):
            out.append(Gap(message.gap.from_revision, message.gap.to_revision, message.gap.count))
        for event in message.events:
            if self.revision is None or event.revision > self.revision:
                out.append(event)
        # Not before the events were looked at; a message without a place (there is none) would not move it.
        self.revision = max(self.revision or 0, message.revision)
        return out

    def fail(self, error: AgentError) -> Union[Gap, float]:
        """A gap to tell, or the pause before the next attempt. Raises what waiting cannot help."""
        first = error.metadata.get("first_revision", "")
        if error.code == "OUT_OF_RANGE" and first.isdigit() and self.revision is not None and int(first) - 1 > self.revision:
            gap = Gap(self.revision + 1, int(first) - 1, int(first) - 1 - self.revision)
            self.revision = int(first) - 1
            return gap
        if error.code in _FINAL or error.code == "OUT_OF_RANGE":
            raise error
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        if self._give_up_after is not None and now - self._failing_since >= self._give_up_after:
            raise error
        pause = min(0.1 * 2.0**self._failures, _MAX_BACKOFF) * random.uniform(0.5, 1.0)
        self._failures = min(self._failures + 1, 10)
        return max(pause, min(error.retry_after or 0.0, 60.0))


class EventStreamClient:
    """Iterates over the agent's events; takes the connection arguments of AgentClient.

    What an iterator yields are `types.Event` messages, and a `Gap` where events were removed before they could be given. A lost
    connection or a restarted agent is bridged: the stream goes on after the last revision, nothing lost and nothing twice. A refusal
    (token, scope, filter) is raised. `give_up_after` is how many seconds in a row without an agent are too many; None waits for ever.
    """

    def __init__(self, target: Optional[str] = None, token: Optional[str] = None, *, give_up_after: Optional[float] = None, **connection: Any) -> None:
        self._arguments: Dict[str, Any] = {"target": target, "token": token, **connection}
        self._give_up_after = give_up_after
        self._stopped = threading.Event()
        self._streams: List[Stream[Any]] = []

    def _cursor(self, types: Optional[Sequence[str]], after_revision: Optional[int], fields: Dict[str, Any]) -> _Cursor:
        globs = [types] if isinstance(types, str) else (list(types) if types is not None else None)
        return _Cursor(after_revision, {"types": globs, **fields}, self._give_up_after)

    def events(self, types: Optional[Sequence[str]] = None, after_revision: Optional[int] = None, **filter: Any) -> Iterator[Union[_t.Event, Gap]]:
        """Events whose type matches one of the globs, those after `after_revision` first (0: all that are kept; None: only new ones).

        Further keywords are the fields of EventFilter: sources, subjects, min_severity, since, until, trace_id, text. `stop()` from
        another thread ends the iteration.
        """
        cursor = self._cursor(types, after_revision, filter)
        while not self._stopped.is_set():
            client = AgentClient(**self._arguments)
            try:
                with client.watch_events(**cursor.request()) as stream:
                    self._streams.append(stream)
                    try:
                        for message in stream:
                            yield from cursor.take(message)
                    finally:
                        self._streams.remove(stream)
                failed: AgentError = Unavailable("the stream ended")
            except AgentError as error:
                failed = error
            finally:
                client.close()
            if self._stopped.is_set():
                return
            then = cursor.fail(failed)
            if isinstance(then, Gap):
                yield then
            else:
                self._stopped.wait(then)

    async def async_events(
        self, types: Optional[Sequence[str]] = None, after_revision: Optional[int] = None, **filter: Any
    ) -> AsyncIterator[Union[_t.Event, Gap]]:
        """The same for asyncio."""
        cursor = self._cursor(types, after_revision, filter)
        while not self._stopped.is_set():
            client = AsyncAgentClient(**self._arguments)
            try:
                async with client.watch_events(**cursor.request()) as stream:
                    async for message in stream:
                        for one in cursor.take(message):
                            yield one
                failed: AgentError = Unavailable("the stream ended")
            except AgentError as error:
                failed = error
            finally:
                await client.close()
            if self._stopped.is_set():
                return
            then = cursor.fail(failed)
            if isinstance(then, Gap):
                yield then
            else:
                await asyncio.sleep(then)

    def stop(self) -> None:
        """Ends every iteration of this client."""
        self._stopped.set()
        for stream in list(self._streams):
            stream.cancel()

    def __enter__(self) -> EventStreamClient:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self.stop()
