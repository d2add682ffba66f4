"""Secrets out of text and data before they leave the process. The agent masks by names too; what stands in free text only we can see."""

from __future__ import annotations

import re
from typing import Any, Mapping

MASK = "***"
_NAMES = r"pass(?:word|wd|phrase)?|secret|token|api[_-]?key|authorization|private[_-]?key|psk|credential|short[_-]?id|public[_-]?key|uuid"
_NAME = re.compile(rf"(?:^|[_\-.])(?:{_NAMES})s?$|^(?:{_NAMES})", re.I)
#: Share links (vless://…) are secrets as a whole; of other URLs host and scheme may be told: paths and queries of subscriptions are tokens.
_LINK = re.compile(r"\b(vless|vmess|trojan|ss|ssr|hysteria2?|hy2|tuic|wireguard|wg|ssh|anytls|shadowtls|naive\+https)://[^\s'\"<>]+", re.I)
_URL = re.compile(r"\b(https?|wss?)://(?:[^\s/@'\"<>]*@)?([^\s/?#'\"<>@]+)([/?#][^\s'\"<>]*)?", re.I)
_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.I)
_PAIR = re.compile(rf"((?:\b|_)(?:{_NAMES})s?['\"]?\s*[=:]\s*)(?:(?:bearer|basic)\s+)?(\"[^\"]*\"|'[^']*'|[^\s,;}})\]]+)", re.I)
_BEARER = re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}", re.I)
_MAX_CHARS = 8192


def text(value: str) -> str:
    """The text without links, paths of URLs, UUIDs, and what follows a secret's name; at most 8192 characters."""
    out = value[:_MAX_CHARS]
    out = _LINK.sub(lambda m: f"{m.group(1)}://{MASK}", out)
    out = _URL.sub(lambda m: f"{m.group(1)}://{m.group(2)}" + (f"/{MASK}" if m.group(3) and m.group(3) != "/" else m.group(3) or ""), out)
    out = _PAIR.sub(lambda m: m.group(1) + MASK, out)
    out = _BEARER.sub(lambda m: f"{m.group(1)} {MASK}", out)
    return _UUID.sub(MASK, out)


def data(value: Any, depth: int = 0) -> Any:
    """The same for every text in a structure; what stands under a secret's name is masked as a whole. A copy, bounded in depth and width."""
    if isinstance(value, str):
        return text(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if depth >= 8:
        return f"<{type(value).__name__}>"
    if isinstance(value, Mapping):
        return {str(key): MASK if _NAME.search(str(key)) and one not in (None, "") else data(one, depth + 1) for key, one in list(value.items())[:200]}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [data(one, depth + 1) for one in list(value)[:200]]
    return text(str(value))
