"""Where the agent is and what opens it: arguments, environment, the usual places. No grpc here."""

from __future__ import annotations

import os
import socket
import stat
from typing import Any, List, NamedTuple, Optional
from urllib.parse import unquote, urlsplit

DEFAULT_PORT = 8080


class Target(NamedTuple):
    """`address` is what gRPC dials."""

    address: str
    secure: bool

    @property
    def unix_path(self) -> Optional[str]:
        return self.address[len("unix:") :] if self.address.startswith("unix:") else None


def state_dirs() -> List[str]:
    """Where an agent keeps its state, the likeliest first."""
    named = os.environ.get("SBOXAGENT_AGENT_STATE_DIR")
    system = "/var/lib/sboxagent"
    home = os.path.join(os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state"), "sboxagent")
    usual = [system, home] if hasattr(os, "geteuid") and os.geteuid() == 0 else [home, system]
    return ([named] if named else []) + usual


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode) and os.access(path, os.R_OK | os.W_OK)
    except OSError:
        return False


def parse(text: str) -> Target:
    """`unix:PATH`, `host:port`, `host`, `http://host:port` or `https://host:port`. Raises ValueError."""
    value = text.strip()
    if value.startswith("unix:"):
        path = value[len("unix:") :]
        path = unquote(path[2:]) if path.startswith("//") else path
        if not path:
            raise ValueError("unix: needs a path")
        return Target("unix:" + path, False)
    if "://" in value:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError(f"not a target: {text!r} (unix:PATH, host:port or https://host:port)")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        return Target(f"{host}:{port}", parts.scheme == "https")
    if not value or "/" in value:
        raise ValueError(f"not a target: {text!r} (unix:PATH, host:port or https://host:port)")
    bare = value.startswith("[") and value.endswith("]") or ":" not in value
    return Target(f"{value}:{DEFAULT_PORT}" if bare else value, False)


def resolve(text: Optional[str]) -> Target:
    """The argument, else SBOXAGENT_TARGET, else the socket of a usual state directory, else 127.0.0.1:8080."""
    chosen = text or os.environ.get("SBOXAGENT_TARGET")
    if chosen:
        return parse(chosen)
    for directory in state_dirs():
        path = os.path.join(directory, "api.sock")
        if _is_socket(path):
            return Target("unix:" + path, False)
    return Target(f"127.0.0.1:{DEFAULT_PORT}", False)


def reachable(target: Target, timeout: float = 0.05) -> bool:
    """Whether something listens there: one connect, bounded by `timeout`."""
    path = target.unix_path
    try:
        if path is not None:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
                sock.settimeout(timeout)
                sock.connect(path)
            return True
        host, _, port = target.address.rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port)), timeout):
            return True
    except (OSError, ValueError):
        return False


class Token:
    """A bearer token: given, of the environment, or of a file that is read again when it changes."""

    def __init__(self, token: Optional[str] = None, token_file: Optional[Any] = None) -> None:
        path = token_file or (None if token else os.environ.get("SBOXAGENT_TOKEN_FILE"))
        if token is None and token_file is None and os.environ.get("SBOXAGENT_TOKEN"):
            token, path = os.environ["SBOXAGENT_TOKEN"], None
        self._value = _checked(token) if token and token_file is None else None
        self._path = os.fspath(path) if path else None
        self._seen: Optional[tuple[int, int]] = None

    def value(self) -> Optional[str]:
        """The token, or None without one. Raises OSError where its file cannot be read."""
        if self._path is None:
            return self._value
        found = os.stat(self._path)
        mark = (found.st_mtime_ns, found.st_size)
        if mark != self._seen:
            with open(self._path, encoding="utf-8") as file:
                self._value = _checked(file.read())
            self._seen = mark
        return self._value

    def __repr__(self) -> str:
        return "Token(***)"


def _checked(text: str) -> str:
    value = text.strip()
    if not value.isascii() or not value.isprintable():
        raise ValueError("the token holds characters that no header can carry")
    return value
