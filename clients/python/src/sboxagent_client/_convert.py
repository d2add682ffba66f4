"""Between Python's values and protobuf's: mappings to messages, and messages to mappings."""

from __future__ import annotations

import enum
import math
from datetime import date, datetime, timedelta, timezone
from typing import Any, Dict, Mapping, Optional

#: Deeper data is written as text: the agent refuses deeper messages (`api.limits.json_depth`).
MAX_DEPTH = 30
_SAFE_INTEGER = 2**53


def merged(whole: Optional[Any], fields: Mapping[str, Any]) -> Optional[Any]:
    """The message `whole`, or the fields that are given; both together: the fields win."""
    given = {name: value for name, value in fields.items() if value is not None}
    if whole is None or not given:
        return whole if whole is not None else (given or None)
    if isinstance(whole, Mapping):
        return {**whole, **given}
    copy = type(whole)()
    copy.CopyFrom(whole)
    fill(copy, given)
    return copy


def fill(message: Any, fields: Mapping[str, Any]) -> None:
    """Sets the fields that are not None. Raises TypeError or ValueError with the field's name."""
    by_name = message.DESCRIPTOR.fields_by_name
    for name, value in fields.items():
        if value is None:
            continue
        field = by_name.get(name)
        if field is None:
            raise TypeError(f"{message.DESCRIPTOR.name} has no field {name!r}; it has {', '.join(one.name for one in message.DESCRIPTOR.fields)}")
        try:
            _set(message, field, value)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name}: {error}") from None


def _repeated(field: Any) -> bool:
    value = getattr(field, "is_repeated", None)
    return bool(value) if value is not None else field.label == 3


def _set(message: Any, field: Any, value: Any) -> None:
    name, kind = field.name, field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        getattr(message, name).update({str(key): value[key] for key in value})
    elif _repeated(field):
        if isinstance(value, (str, bytes, Mapping)):
            raise TypeError("must be a sequence")
        target = getattr(message, name)
        for one in value:
            if kind is None:
                target.append(_scalar(field, one))
            else:
                put(target.add(), one)
    elif kind is not None:
        put(getattr(message, name), value)
    else:
        setattr(message, name, _scalar(field, value))


def _scalar(field: Any, value: Any) -> Any:
    if field.enum_type is not None and isinstance(value, str):
        found = field.enum_type.values_by_name.get(value.upper())
        if found is None:
            raise ValueError(f"{value!r} is none of {', '.join(v.name for v in field.enum_type.values if v.number != 0)}")
        return found.number
    return value


def put(target: Any, value: Any) -> None:
    """Fills one message from a message of its kind, a mapping, or the Python value that stands for it."""
    name = target.DESCRIPTOR.full_name
    target.SetInParent()
    if isinstance(value, type(target)):
        target.CopyFrom(value)
    elif name == "google.protobuf.Timestamp":
        set_time(target, value)
    elif name == "google.protobuf.Duration":
        set_duration(target, value)
    elif name == "google.protobuf.Struct":
        set_struct(target, value)
    elif name == "google.protobuf.Value":
        set_value(target, value, 0)
    elif name == "google.protobuf.FieldMask":
        target.paths.extend([value] if isinstance(value, str) else value)
    elif isinstance(value, Mapping):
        fill(target, value)
    else:
        raise TypeError(f"{type(value).__name__} is no {target.DESCRIPTOR.name}: give a mapping or the message")


def set_time(target: Any, value: Any) -> None:
    """A datetime (without a zone: local time), or seconds since 1970."""
    if isinstance(value, datetime):
        moment = value.astimezone(timezone.utc) - datetime(1970, 1, 1, tzinfo=timezone.utc)
        target.seconds = moment.days * 86400 + moment.seconds
        target.nanos = moment.microseconds * 1000
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        micros = round(value * 1_000_000)
        target.seconds, target.nanos = micros // 1_000_000, micros % 1_000_000 * 1000
    else:
        raise TypeError(f"{type(value).__name__} is no datetime")


def set_duration(target: Any, value: Any) -> None:
    """A timedelta, or seconds."""
    if isinstance(value, timedelta):
        micros = (value.days * 86400 + value.seconds) * 1_000_000 + value.microseconds
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        micros = round(value * 1_000_000)
    else:
        raise TypeError(f"{type(value).__name__} is no timedelta")
    sign = -1 if micros < 0 else 1
    target.seconds, target.nanos = sign * (abs(micros) // 1_000_000), sign * (abs(micros) % 1_000_000 * 1000)


def set_struct(target: Any, value: Any, depth: int = 0) -> None:
    if not isinstance(value, Mapping):
        raise TypeError(f"{type(value).__name__} is no mapping")
    fields = target.fields
    for key, one in value.items():
        set_value(fields[key if isinstance(key, str) else str(key)], one, depth + 1)


def set_value(target: Any, value: Any, depth: int) -> None:
    """Any Python value: what JSON does not know is written as text."""
    if value is None:
        target.null_value = 0
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, enum.Enum):
        set_value(target, value.value, depth)
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, (int, float)):
        if not math.isfinite(value) or (isinstance(value, int) and abs(value) > _SAFE_INTEGER):
            target.string_value = str(value)
        else:
            target.number_value = value
    elif depth >= MAX_DEPTH:
        target.string_value = str(type(value))
    elif isinstance(value, Mapping):
        target.struct_value.SetInParent()
        set_struct(target.struct_value, value, depth)
    elif isinstance(value, (list, tuple, set, frozenset)):
        target.list_value.SetInParent()
        for one in value:
            set_value(target.list_value.values.add(), one, depth + 1)
    else:
        target.string_value = text_of(value)


def text_of(value: Any) -> str:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "replace")
    return str(value)


def plain(value: Any) -> Any:
    """A google.protobuf.Value as Python has it; whole numbers as int."""
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return {key: plain(one) for key, one in value.struct_value.fields.items()}
    if kind == "list_value":
        return [plain(one) for one in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() and abs(number) <= _SAFE_INTEGER else number
    return None if kind in (None, "null_value") else getattr(value, kind)


def struct_to_dict(struct: Any) -> Dict[str, Any]:
    return {key: plain(one) for key, one in struct.fields.items()}


def _answer(message: Any) -> Any:
    name = message.DESCRIPTOR.full_name
    if name == "google.protobuf.Timestamp":
        return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=message.seconds, microseconds=message.nanos // 1000)
    if name == "google.protobuf.Duration":
        return timedelta(seconds=message.seconds, microseconds=message.nanos / 1000)
    if name == "google.protobuf.Struct":
        return struct_to_dict(message)
    if name == "google.protobuf.Value":
        return plain(message)
    if name == "google.protobuf.FieldMask":
        return list(message.paths)
    return to_dict(message)


def to_dict(message: Any) -> Dict[str, Any]:
    """A message as a dict: enums by name, Timestamp as datetime (UTC), Duration as timedelta, Struct as dict.

    Scalars are always there; messages that are absent are left out.
    """
    out: Dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        kind = field.message_type
        value = getattr(message, field.name)
        if kind is not None and kind.GetOptions().map_entry:
            deep = kind.fields_by_name["value"].message_type is not None
            out[field.name] = {key: _answer(value[key]) if deep else value[key] for key in value}
        elif _repeated(field):
            out[field.name] = [_answer(one) if kind is not None else _name(field, one) for one in value]
        elif kind is not None:
            if message.HasField(field.name):
                out[field.name] = _answer(value)
        elif not field.has_presence or message.HasField(field.name):
            out[field.name] = _name(field, value)
    return out


def _name(field: Any, value: Any) -> Any:
    if field.enum_type is None:
        return value
    found = field.enum_type.values_by_number.get(value)
    return found.name if found is not None else value


def enum_name(message: Any, field: str) -> str:
    """The name of an enum field's value: `enum_name(process, "state")` is `"READY"`."""
    return str(_name(message.DESCRIPTOR.fields_by_name[field], getattr(message, field)))
