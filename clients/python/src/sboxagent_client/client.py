"""AgentClient and AsyncAgentClient: every RPC of the agent as a method with keywords."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from types import TracebackType
from typing import Any, AsyncIterator, Awaitable, Callable, Iterator, List, Mapping, Optional, Sequence, Tuple, Type, Union

import grpc

from . import _fork
from ._calls import RPCS, AsyncStream, Rpc, Stream, Timeout, _Default, pause_before_again, request_of
from ._methods import AsyncMethods, BlockingMethods
from ._target import Target, Token, resolve
from .errors import AgentError, Unauthenticated, Unavailable, from_rpc

__all__ = ["AgentClient", "AsyncAgentClient", "AsyncStream", "Stream", "apaginate", "paginate"]

PathLike = Union[str, "os.PathLike[str]"]
#: The process that first used grpc.aio.
_aio_process = 0
_MAX_ANSWER_BYTES = 64 * 1024 * 1024


def _options(target: Target) -> List[Tuple[str, Any]]:
    options: List[Tuple[str, Any]] = [
        ("grpc.max_receive_message_length", _MAX_ANSWER_BYTES),
        # The agent is on this machine or named on purpose: never through a proxy of the environment.
        ("grpc.enable_http_proxy", 0),
        ("grpc.initial_reconnect_backoff_ms", 100),
        # This is how long one attempt may take: a daemon that starts answers late.
        ("grpc.min_reconnect_backoff_ms", 1000),
        ("grpc.max_reconnect_backoff_ms", 500),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
    ]
    if target.unix_path is not None:
        # By itself gRPC would send the socket's path, percent-encoded.
        options.append(("grpc.default_authority", "localhost"))
    return options


def _read(path: Optional[PathLike]) -> Optional[bytes]:
    if path is None:
        return None
    with open(path, "rb") as file:
        return file.read()


class _Base:
    """What both clients know of the agent."""

    def __init__(
        self,
        target: Optional[str] = None,
        token: Optional[str] = None,
        timeout: Optional[float] = 5.0,
        *,
        token_file: Optional[PathLike] = None,
        ca_file: Optional[PathLike] = None,
        cert_file: Optional[PathLike] = None,
        key_file: Optional[PathLike] = None,
        options: Sequence[Tuple[str, Any]] = (),
    ) -> None:
        """`target` is `unix:PATH`, `host:port` or `https://host:port`; without one: SBOXAGENT_TARGET, the unix socket of the usual
        state directories, 127.0.0.1:8080. The token comes from `token`, `token_file`, SBOXAGENT_TOKEN or SBOXAGENT_TOKEN_FILE; the
        unix socket needs none. `timeout` is the limit of a call in seconds, with its repetitions; None is no limit. `ca_file` (PEM)
        switches TLS on; `cert_file` and `key_file` are the client's own certificate. `options` are gRPC channel options."""
        self._target = resolve(target)
        self._token = Token(token, token_file)
        self._timeout = timeout
        secure = self._target.secure or ca_file is not None or cert_file is not None
        if (cert_file is None) != (key_file is None):
            raise ValueError("cert_file and key_file go together")
        self._credentials = grpc.ssl_channel_credentials(_read(ca_file), _read(key_file), _read(cert_file)) if secure else None
        self._options = _options(self._target) + list(options)
        self._connecting = threading.Lock()
        self._connect()
        _fork.follow(self)

    def _connect(self) -> None:
        self._inherited = False
        self._channel = self._dial(self._options)
        self._calls = {path: self._callable(rpc) for path, rpc in RPCS.items()}

    def _after_fork(self) -> None:
        self._connecting = threading.Lock()
        self._inherited = True

    def _method(self, path: str) -> Any:
        """What calls this RPC, on a channel of this process: the parent's is of no use in a child."""
        if self._inherited:
            with self._connecting:
                if self._inherited:
                    _fork.keep((self._channel, self._calls))
                    self._connect()
        return self._calls[path]

    def _dial(self, options: List[Tuple[str, Any]]) -> Any:
        raise NotImplementedError

    @property
    def target(self) -> str:
        """What is dialled."""
        return self._target.address

    def _metadata(self) -> Tuple[Tuple[str, str], ...]:
        try:
            token = self._token.value()
        except OSError as error:
            raise Unauthenticated(f"the token file cannot be read: {error}", reason="TOKEN_MISSING") from error
        return (("authorization", f"Bearer {token}"),) if token else ()

    def _deadline(self, timeout: Timeout) -> Optional[float]:
        seconds = self._timeout if isinstance(timeout, _Default) else timeout
        return None if seconds is None else time.monotonic() + seconds

    def _callable(self, rpc: Rpc) -> Any:
        channel = self._channel
        make = {
            (False, False): channel.unary_unary,
            (False, True): channel.unary_stream,
            (True, True): channel.stream_stream,
            (True, False): channel.stream_unary,
        }[(rpc.client_streaming, rpc.server_streaming)]
        return make(rpc.path, request_serializer=rpc.request.SerializeToString, response_deserializer=rpc.response.FromString)


def _left(deadline: Optional[float]) -> Optional[float]:
    return None if deadline is None else max(deadline - time.monotonic(), 0.001)


def _told(before: Optional[AgentError], error: AgentError) -> AgentError:
    """A repetition that found no agent in time: why there is none says more than the deadline."""
    return before if before is not None and before.code == "UNAVAILABLE" and error.code == "DEADLINE_EXCEEDED" else error


def _pause(rpc: Rpc, error: AgentError, attempt: int, deadline: Optional[float]) -> Optional[float]:
    """The pause before the next attempt; None where there is none or no time for it."""
    pause = pause_before_again(rpc, error, attempt)
    if pause is None or attempt >= 20:
        return None
    return None if deadline is not None and time.monotonic() + pause >= deadline else pause


class AgentClient(_Base, BlockingMethods):
    """Blocking client. Safe to use from several threads; `close()` it, or use it in a `with` block.

    Answers are the messages of the protos (`sboxagent_client.types`); `to_dict` makes a plain dict of one. Failures are AgentErrors.
    Reads, and writes that carry a request_id (made by the client where you give none), are repeated while the agent is unavailable or
    asks to wait, as long as `timeout` allows. After a fork the child has a channel of its own; streams stay with the process that opened them.
    """

    def _dial(self, options: List[Tuple[str, Any]]) -> Any:
        if self._credentials is not None:
            return grpc.secure_channel(self._target.address, self._credentials, options=options)
        return grpc.insecure_channel(self._target.address, options=options)

    def _unary(self, path: str, fields: Mapping[str, Any], timeout: Timeout) -> Any:
        return self.call(path, request_of(RPCS[path], fields), timeout)

    def call(self, path: str, request: Any, timeout: Timeout, again: bool = True) -> Any:
        """One unary RPC by its path with a request that is already made; `again=False` never repeats it."""
        rpc, deadline, attempt, first = RPCS[path], self._deadline(timeout), 0, None
        while True:
            try:
                return self._method(path)(request, timeout=_left(deadline), metadata=self._metadata(), wait_for_ready=first is not None)
            except grpc.RpcError as failure:
                error = _told(first, from_rpc(failure))
                first = error
                pause = _pause(rpc, error, attempt, deadline) if again else None
                if pause is None:
                    raise error from failure
            time.sleep(pause)
            attempt += 1

    def begin(self, path: str, request: Any, timeout: Timeout) -> Callable[[], Any]:
        """Starts a call, once; what it returns waits for the answer."""
        future = self._method(path).future(request, timeout=_left(self._deadline(timeout)), metadata=self._metadata())

        def wait() -> Any:
            try:
                return future.result()
            except grpc.RpcError as failure:
                raise from_rpc(failure) from failure

        return wait

    def _stream(self, path: str, fields: Mapping[str, Any], timeout: Timeout) -> Stream[Any]:
        request = request_of(RPCS[path], fields)
        return Stream(self._method(path)(request, timeout=_left(self._deadline(timeout)), metadata=self._metadata()))

    def _both(self, path: str, requests: Any, timeout: Timeout) -> Stream[Any]:
        return Stream(self._method(path)(iter(requests), timeout=_left(self._deadline(timeout)), metadata=self._metadata()))

    def close(self) -> None:
        """Ends open calls and the connection. In a child of the process that made it there is nothing to end."""
        if not self._inherited:
            self._channel.close()

    def __enter__(self) -> AgentClient:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self.close()


class AsyncAgentClient(_Base, AsyncMethods):
    """The same for asyncio. Make it inside the running loop; `await close()` it, or use it in an `async with` block. It does not survive a
    fork, which grpc.aio cannot: calls in the child raise Unavailable, also those of clients that are made there."""

    def _dial(self, options: List[Tuple[str, Any]]) -> Any:
        import grpc.aio

        global _aio_process
        _aio_process = _aio_process or os.getpid()
        if _aio_process != os.getpid():
            # Its one polling thread is the parent's, and nothing starts another: a call would wait for ever.
            raise Unavailable("grpc.aio was used before the fork, and does not work in the child")
        if self._credentials is not None:
            return grpc.aio.secure_channel(self._target.address, self._credentials, options=options)
        return grpc.aio.insecure_channel(self._target.address, options=options)

    async def _unary(self, path: str, fields: Mapping[str, Any], timeout: Timeout) -> Any:
        rpc, request, deadline, attempt, first = RPCS[path], request_of(RPCS[path], fields), self._deadline(timeout), 0, None
        while True:
            try:
                return await self._method(path)(request, timeout=_left(deadline), metadata=self._metadata(), wait_for_ready=first is not None)
            except grpc.RpcError as failure:
                error = _told(first, from_rpc(failure))
                first = error
                pause = _pause(rpc, error, attempt, deadline)
                if pause is None:
                    raise error from failure
            await asyncio.sleep(pause)
            attempt += 1

    def _stream(self, path: str, fields: Mapping[str, Any], timeout: Timeout) -> AsyncStream[Any]:
        request = request_of(RPCS[path], fields)
        return AsyncStream(self._method(path)(request, timeout=_left(self._deadline(timeout)), metadata=self._metadata()))

    def _both(self, path: str, requests: Any, timeout: Timeout) -> AsyncStream[Any]:
        return AsyncStream(self._method(path)(requests, timeout=_left(self._deadline(timeout)), metadata=self._metadata()))

    async def close(self) -> None:
        """Ends open calls and the connection. In a child of the process that made it there is nothing to end."""
        if not self._inherited:
            await self._channel.close()

    async def __aenter__(self) -> AsyncAgentClient:
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        await self.close()


def _items(page: Any) -> Any:
    for field in page.DESCRIPTOR.fields:
        if field.message_type is not None:
            return getattr(page, field.name)
    raise TypeError(f"{page.DESCRIPTOR.name} is no page")


def paginate(method: Callable[..., Any], **fields: Any) -> Iterator[Any]:
    """What a list has, over all its pages: `for process in paginate(client.list_processes): …`."""
    token: Optional[str] = fields.pop("page_token", None)
    while True:
        page = method(page_token=token, **fields)
        yield from _items(page)
        token = page.next_page_token
        if not token:
            return


async def apaginate(method: Callable[..., Awaitable[Any]], **fields: Any) -> AsyncIterator[Any]:
    """`paginate` for AsyncAgentClient."""
    token: Optional[str] = fields.pop("page_token", None)
    while True:
        page = await method(page_token=token, **fields)
        for one in _items(page):
            yield one
        token = page.next_page_token
        if not token:
            return
