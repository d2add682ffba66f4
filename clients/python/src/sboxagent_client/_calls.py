"""What every call has in common: which RPC, which request, when it may be repeated, and streams."""

from __future__ import annotations

import importlib
import os
import random
import uuid
from types import TracebackType
from typing import Any, AsyncIterator, Dict, Final, Generic, Iterator, Mapping, NamedTuple, Optional, Tuple, Type, TypeVar, Union

import grpc

from . import _fork
from ._convert import fill
from ._convert import merged as merged
from .errors import AgentError, Unavailable, from_rpc

R = TypeVar("R")


class _Default:
    """Stands for the client's own timeout."""

    def __repr__(self) -> str:
        return "DEFAULT"


DEFAULT: Final = _Default()
Timeout = Union[None, float, _Default]

#: Refused before anything was done: any call may be repeated.
_NOT_BEGUN = frozenset({"RATE_LIMITED", "UNARY_LIMIT_REACHED"})
#: Repeating these changes nothing more, though they carry no request_id.
_HARMLESS = frozenset({"RenewPluginLease", "AckPluginConfig", "AcknowledgeAlert", "ReportPluginHealth", "ValidateConfig"})
_NO_SIDE_EFFECTS = 1


class Rpc(NamedTuple):
    """One RPC, by its descriptor."""

    path: str
    request: Any
    response: Any
    client_streaming: bool
    server_streaming: bool
    #: Whether a lost answer allows the same request again.
    repeatable: bool
    has_request_id: bool


def _class_of(descriptor: Any) -> Any:
    from google.protobuf import message_factory, symbol_database

    make = getattr(message_factory, "GetMessageClass", None) or getattr(symbol_database.Default(), "GetPrototype")
    return make(descriptor)


def _streaming(method: Any) -> Tuple[bool, bool]:
    """Whether the client streams, and the server. A descriptor itself says it only since protobuf 4.25."""
    from google.protobuf import descriptor_pb2

    proto = descriptor_pb2.MethodDescriptorProto()
    method.CopyToProto(proto)
    return proto.client_streaming, proto.server_streaming


def _find() -> Dict[str, Rpc]:
    from .types import SERVICE_MODULES

    found: Dict[str, Rpc] = {}
    for name in SERVICE_MODULES:
        for service in importlib.import_module(name).DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                reads = method.GetOptions().idempotency_level == _NO_SIDE_EFFECTS
                request_id = "request_id" in method.input_type.fields_by_name
                safe = reads or request_id or method.name in _HARMLESS or method.name == "BatchCreateEvents"
                path = f"/{service.full_name}/{method.name}"
                found[path] = Rpc(path, _class_of(method.input_type), _class_of(method.output_type), *_streaming(method), safe, request_id)
    return found


#: Every RPC of the agent by its path.
RPCS: Final[Dict[str, Rpc]] = _find()


def request_of(rpc: Rpc, fields: Mapping[str, Any]) -> Any:
    """The request, with what makes it safe to repeat: a request_id, or ids of the events."""
    message = rpc.request()
    fill(message, fields)
    if rpc.has_request_id and not message.request_id:
        message.request_id = uuid.uuid4().hex
    if rpc.path.endswith("/BatchCreateEvents"):
        for event in message.events:
            event.id = event.id or uuid.uuid4().hex
    return message


def pause_before_again(rpc: Rpc, error: AgentError, attempt: int) -> Optional[float]:
    """Seconds to wait before the call is repeated; None where it must not be."""
    backoff = min(0.05 * 2.0**attempt, 2.0) * random.uniform(0.5, 1.5)
    if error.reason in _NOT_BEGUN:
        return max(error.retry_after or 0.0, backoff)
    if not rpc.repeatable:
        return None
    if error.retry_after is not None and error.code in ("UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED"):
        return max(error.retry_after, backoff) if error.reason != "MESSAGE_TOO_LARGE" else None
    return backoff if error.code == "UNAVAILABLE" else None


def _of_parent(call: Any) -> AgentError:
    _fork.keep(call)
    return Unavailable("this stream belongs to the process that opened it")


class Stream(Generic[R]):
    """Messages of a stream, in order. Leaving the `with` block, or `cancel()`, ends it.

    An end by `cancel()` ends the iteration; any other failure is raised as an AgentError.
    """

    def __init__(self, call: Any) -> None:
        self._call = call
        self._cancelled = False
        self._pid = os.getpid()

    def __iter__(self) -> Iterator[R]:
        return self

    def __next__(self) -> R:
        if self._pid != os.getpid():
            raise _of_parent(self._call)
        try:
            answer: R = next(self._call)
            return answer
        except grpc.RpcError as error:
            if self._cancelled:
                raise StopIteration from None
            raise from_rpc(error) from error

    def cancel(self) -> None:
        self._cancelled = True
        if self._pid == os.getpid():
            self._call.cancel()

    def __enter__(self) -> Stream[R]:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self.cancel()


class AsyncStream(Generic[R]):
    """The same for asyncio: `async for` and `async with`."""

    def __init__(self, call: Any) -> None:
        self._call = call
        self._messages: Optional[AsyncIterator[R]] = None
        self._cancelled = False
        self._pid = os.getpid()

    def __aiter__(self) -> AsyncIterator[R]:
        return self

    async def __anext__(self) -> R:
        import asyncio

        if self._pid != os.getpid():
            raise _of_parent(self._call)

        if self._messages is None:
            self._messages = self._call.__aiter__()
        try:
            return await self._messages.__anext__()
        except grpc.RpcError as error:
            if self._cancelled:
                raise StopAsyncIteration from None
            raise from_rpc(error) from error
        except asyncio.CancelledError:
            # Our own cancel() shows as a cancelled call; that of the task must go on.
            if self._cancelled:
                raise StopAsyncIteration from None
            raise

    def cancel(self) -> None:
        self._cancelled = True
        if self._pid == os.getpid():
            self._call.cancel()

    async def __aenter__(self) -> AsyncStream[R]:
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self.cancel()
