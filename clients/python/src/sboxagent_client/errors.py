"""What can go wrong in a call: one class for each gRPC code, one base for all."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Tuple, Type


class Violation(NamedTuple):
    """One field that the agent refused."""

    field: str
    message: str


class AgentError(Exception):
    """A call that failed.

    `reason` is the agent's own word (`PROCESS_NOT_FOUND`; docs/errors.md says what to do about each), empty where the failure is not
    the agent's. `code` is the gRPC code's name. `violations` are the refused fields. `retry_after` is the pause in seconds that the agent
    asks for, None where waiting does not help. `metadata` are facts by name. `details` are the agent's further messages, by type name.
    """

    code = "UNKNOWN"

    def __init__(
        self,
        message: str,
        *,
        code: Optional[str] = None,
        reason: str = "",
        violations: Tuple[Violation, ...] = (),
        retry_after: Optional[float] = None,
        metadata: Optional[Dict[str, str]] = None,
        details: Optional[Dict[str, bytes]] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        self.reason = reason
        self.violations: List[Violation] = list(violations)
        self.retry_after = retry_after
        self.metadata: Dict[str, str] = dict(metadata or {})
        self.details: Dict[str, bytes] = dict(details or {})

    def __str__(self) -> str:
        head = f"{self.reason or self.code}: {self.message}"
        return head + "".join(f"; {one.field}: {one.message}" for one in self.violations if one.message not in self.message)

    def __reduce__(self) -> Any:
        return (_rebuild, (type(self), self.message, self.__dict__))


def _rebuild(kind: Type[AgentError], message: str, state: Dict[str, Any]) -> AgentError:
    error = kind(message)
    error.__dict__.update(state)
    return error


class Cancelled(AgentError):
    code = "CANCELLED"


class InvalidArgument(AgentError):
    code = "INVALID_ARGUMENT"


class DeadlineExceeded(AgentError):
    code = "DEADLINE_EXCEEDED"


class NotFound(AgentError):
    code = "NOT_FOUND"


class AlreadyExists(AgentError):
    code = "ALREADY_EXISTS"


class PermissionDenied(AgentError):
    code = "PERMISSION_DENIED"


class Unauthenticated(AgentError):
    code = "UNAUTHENTICATED"


class ResourceExhausted(AgentError):
    code = "RESOURCE_EXHAUSTED"


class FailedPrecondition(AgentError):
    code = "FAILED_PRECONDITION"


class Aborted(AgentError):
    code = "ABORTED"


class OutOfRange(AgentError):
    code = "OUT_OF_RANGE"


class Unimplemented(AgentError):
    code = "UNIMPLEMENTED"


class InternalError(AgentError):
    code = "INTERNAL"


class Unavailable(AgentError):
    code = "UNAVAILABLE"


class DataLoss(AgentError):
    code = "DATA_LOSS"


BY_CODE: Dict[str, Type[AgentError]] = {
    kind.code: kind
    for kind in (
        Cancelled, InvalidArgument, DeadlineExceeded, NotFound, AlreadyExists, PermissionDenied, Unauthenticated, ResourceExhausted,
        FailedPrecondition, Aborted, OutOfRange, Unimplemented, InternalError, Unavailable, DataLoss,
    )
}


def make(code: str, message: str, status: Optional[bytes] = None) -> AgentError:
    """The error of a code name, a message and a serialized google.rpc.Status, if there is one."""
    kind = BY_CODE.get(code, AgentError)
    found: Dict[str, Any] = {}
    if status:
        try:
            found = _details(status)
        except Exception:  # a broken detail must not hide the failure itself
            found = {}
    return kind(message, code=code, **found)


def _details(status: bytes) -> Dict[str, Any]:
    from ._gen.google.rpc import error_details_pb2, status_pb2

    out: Dict[str, Any] = {"details": {}}
    violations: List[Violation] = []
    for one in status_pb2.Status.FromString(status).details:
        name = one.type_url.rsplit("/", 1)[-1]
        if name == "google.rpc.ErrorInfo":
            info = error_details_pb2.ErrorInfo.FromString(one.value)
            out["reason"], out["metadata"] = info.reason, dict(info.metadata)
        elif name == "google.rpc.BadRequest":
            bad = error_details_pb2.BadRequest.FromString(one.value)
            violations += [Violation(v.field, v.description) for v in bad.field_violations]
        elif name == "google.rpc.RetryInfo":
            delay = error_details_pb2.RetryInfo.FromString(one.value).retry_delay
            out["retry_after"] = delay.seconds + delay.nanos / 1e9
        else:
            out["details"][name] = one.value
    out["violations"] = tuple(violations)
    return out


def from_rpc(error: Any) -> AgentError:
    """The AgentError of a grpc.RpcError."""
    status: Optional[bytes] = None
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status = value
    return make(error.code().name, error.details() or error.code().name, status)
