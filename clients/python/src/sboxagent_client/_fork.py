"""What a fork leaves in the child: objects without their threads, locks in any state, and gRPC channels that are the parent's."""

from __future__ import annotations

import os
import weakref
from typing import Any, List

_known: "weakref.WeakSet[Any]" = weakref.WeakSet()
#: Channels of the parent: closing or freeing one in the child may wait for threads that are not there.
_inherited: List[Any] = []


def follow(thing: Any) -> None:
    """Calls `thing._after_fork()` in every child, before anything else runs there. It must make fresh locks, and neither wait nor dial."""
    _known.add(thing)


def keep(channel: Any) -> None:
    """Holds what must never be freed in this process."""
    _inherited.append(channel)


def _in_child() -> None:
    for thing in list(_known):
        thing._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
