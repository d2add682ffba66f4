"""PluginConfigWatcher: the documents that the agent keeps for a plugin, as they change, and the plugin's answer to each."""

from __future__ import annotations

import random
import threading
from datetime import timedelta
from types import TracebackType
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Sequence, Type

from ._convert import struct_to_dict
from ._session import ENDED, PluginSession
from .client import Stream
from .errors import AgentError

_FINAL = frozenset({"INVALID_ARGUMENT", "UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED"})


class PluginConfigDocument:
    """One revision of the document. As a context manager it acknowledges by itself: applied when the block ends, failed when it raises."""

    def __init__(self, watcher: "PluginConfigWatcher", message: Any) -> None:
        self._watcher = watcher
        self.config: Dict[str, Any] = struct_to_dict(message.config)
        self.revision: int = message.revision
        self.etag: str = message.etag
        self.acknowledged = False

    def acknowledge(self, applied: bool = True, message: str = "") -> None:
        """Tells the agent whether this revision is in effect, and why not. Raises AgentError."""
        self._watcher._acknowledge(self.revision, applied, message)
        self.acknowledged = True

    def __enter__(self) -> Dict[str, Any]:
        return self.config

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        if self.acknowledged:
            return
        try:
            self.acknowledge(error is None, "" if error is None else f"{type(error).__name__}: {error}"[:4096])
        except AgentError:
            if error is None:
                raise


class PluginConfigWatcher:
    """Iterates over the plugin's documents: the present one at once, then each change, over reconnects and restarts of the agent.

    A document that was acknowledged is not given again, unless the agent hands it out anew. `schema` (JSON Schema: 2020-12, 2019-09,
    draft-07 or draft-06) and `secret_paths` are told at registration. Shares its session with a HealthReporter of the same plugin and connection.
    """

    def __init__(
        self,
        plugin_id: str,
        *,
        schema: Optional[Mapping[str, Any]] = None,
        secret_paths: Optional[Sequence[str]] = None,
        lease: float = 30.0,
        target: Optional[str] = None,
        token: Optional[str] = None,
        **connection: Any,
    ) -> None:
        self.plugin_id = plugin_id
        self._session = PluginSession.shared(
            plugin_id,
            {"target": target, "token": token, **connection},
            {"config_schema": schema, "secret_paths": secret_paths, "lease": timedelta(seconds=lease)},
        )
        self._stopped = threading.Event()
        self._stream: Optional[Stream[Any]] = None
        self._done = 0

    def _acknowledge(self, revision: int, applied: bool, message: str) -> None:
        self._session.call(self._session.client.ack_plugin_config, revision=revision, applied=applied, message=message or None)
        self._done = revision

    def __iter__(self) -> Iterator[PluginConfigDocument]:
        failures, resumed = 0, False
        while not self._stopped.is_set():
            session_id = ""
            try:
                session_id = self._session.current()
                with self._session.client.watch_plugin_config(plugin_id=self.plugin_id, session_id=session_id) as stream:
                    self._stream = stream
                    for message in stream:
                        failures = 0
                        if message.revision == 0 or (resumed and message.revision == self._done):
                            resumed = False
                            continue
                        resumed = False
                        yield PluginConfigDocument(self, message)
            except AgentError as error:
                if error.code in _FINAL:
                    raise
                if session_id and error.reason in (ENDED, "PLUGIN_NOT_FOUND"):
                    self._session.forget(session_id)
            resumed = True
            failures = min(failures + 1, 8)
            self._stopped.wait(min(0.1 * 2.0**failures, 5.0) * random.uniform(0.5, 1.0))

    def run(self, apply: Callable[[Dict[str, Any]], Any]) -> None:
        """Calls `apply` with each document and acknowledges: an exception of it is a refusal. Ends with `stop()`."""
        for document in self:
            try:
                with document as config:
                    apply(config)
            except Exception:  # told to the agent by the document
                continue

    def stop(self) -> None:
        """Ends the iteration, and the session where nobody else of this process uses it."""
        self._stop(True)

    def _stop(self, on_purpose: bool) -> None:
        if self._stopped.is_set():
            return
        self._stopped.set()
        if self._stream is not None:
            self._stream.cancel()
        self._session.release(on_purpose)

    def __enter__(self) -> PluginConfigWatcher:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self._stop(kind is None or not issubclass(kind, Exception))
