"""An event between `emit` and the wire: one line of JSON, so that it can be kept in a file and outlives the caller's objects."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any, Dict, Mapping, Optional, Tuple

from ._convert import MAX_DEPTH, text_of

_TYPE = re.compile(r"^[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*$")
_HEX = re.compile(r"^[0-9a-fA-F]+$")
_SEVERITIES = {"DEBUG": 1, "INFO": 2, "WARNING": 3, "WARN": 3, "ERROR": 4, "CRITICAL": 5, "FATAL": 5}
#: Data with more values than this is written out by the background thread: `emit` must not take long.
SMALL_NODES = 400
SMALL_CHARS = 20_000


def type_of(value: Any) -> Tuple[str, Optional[str]]:
    """A type as the agent takes it, and the original where it had to be changed."""
    text = str(getattr(value, "value", value))
    if len(text) <= 128 and _TYPE.match(text):
        return text, None
    parts = [re.sub(r"[^a-z0-9_-]+", "_", part).lstrip("_-") for part in text.lower()[:128].split(".")]
    return ".".join(part for part in parts if part) or "event", text[:1024]


def trace_of(value: Any) -> Tuple[str, Optional[str]]:
    """32 hex digits (a UUID without its dashes, 8 digits padded on the left), and the original where it was not that."""
    if not value:
        return "", None
    text = str(value)
    plain = text.replace("-", "") if len(text) == 36 else text
    if len(plain) in (8, 32) and _HEX.match(plain):
        trace = plain.lower().rjust(32, "0")
        return trace, None if trace == text else text
    return "", text[:256]


def severity_of(value: Any) -> int:
    if value is None:
        return 0
    if isinstance(value, int):
        return value if 0 <= value <= 5 else 0
    return _SEVERITIES.get(str(getattr(value, "name", value)).upper(), 0)


def seconds_of(value: Any, now: float) -> float:
    if value is None:
        return now
    try:
        return float(value.timestamp() if isinstance(value, datetime) else value)
    except (TypeError, ValueError, OverflowError, OSError):
        return now


def is_small(value: Any) -> bool:
    """Whether data can be written out at once. Looks at no more than it allows."""
    left, chars, stack = SMALL_NODES, SMALL_CHARS, [value]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            chars -= len(one)
        elif isinstance(one, (dict, list, tuple)):
            left -= len(one)
            if left < 0:
                return False
            stack.extend(one.values() if isinstance(one, dict) else one)
        if chars < 0:
            return False
    return True


def plain(value: Any, depth: int = 0) -> Any:
    """The same as JSON has it, cut at a depth, so that cycles end."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if depth >= MAX_DEPTH:
        return str(type(value))
    if isinstance(value, Mapping):
        return {str(key): plain(one, depth + 1) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(one, depth + 1) for one in value]
    return text_of(value)


def line_of(record: Dict[str, Any]) -> str:
    """One line of JSON; text for what JSON does not know."""
    try:
        return json.dumps(record, default=_unknown, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        return json.dumps(plain(record), separators=(",", ":"))


def _unknown(value: Any) -> Any:
    return plain(value)


def fill_event(event: Any, record: Mapping[str, Any]) -> None:
    """The message of a record."""
    from ._convert import set_struct, set_time

    event.id, event.type, event.source = record["id"], record["type"], record["source"]
    event.severity = record.get("severity", 0)
    set_time(event.time, record["time"])
    if "priority" in record:
        event.priority = record["priority"]
    for name in ("trace_id", "subject", "correlation_id"):
        if record.get(name):
            setattr(event, name, record[name])
    for key, value in (record.get("attributes") or {}).items():
        event.attributes[key] = value
    try:
        set_struct(event.data, record.get("data") or {})
    except UnicodeEncodeError:  # half a surrogate pair: JSON carries it, protobuf does not
        event.data.Clear()
        set_struct(event.data, _clean(record.get("data") or {}))


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_clean(key): _clean(one) for key, one in value.items()}
    return [_clean(one) for one in value] if isinstance(value, list) else value
