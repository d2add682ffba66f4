"""Where batches of events wait for the agent: memory while it answers, files while it is away; always in order.

A process has a directory of its own (`<spool>/<plugin>/<pid>-<random>`, 0700), locked while it lives. A batch is one file of JSON lines
(0600), appended to until it is full, named by its number. Whoever comes later and finds a directory whose lock is free adopts it: its
batches go first. What has been sent before a crash is sent again under the same ids, which the agent stores once.
"""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
import threading
import uuid
from collections import deque
from typing import Deque, List, Optional, Set

BATCH_EVENTS = 1000
BATCH_BYTES = 512 * 1024
#: Batches kept in memory while the agent answers; further ones go to files, which holds the memory down under bursts.
MEMORY_BATCHES = 8
#: Directories of processes that are gone, at most; the oldest are given up.
ORPHANS = 256


class Batch:
    """Up to BATCH_EVENTS lines, in memory (`lines`) or in a file (`path`)."""

    def __init__(self, number: int, lines: Optional[List[str]], count: int, size: int) -> None:
        self.number = number
        self.lines = lines
        self.count = count
        self.size = size
        self.path: Optional[str] = None
        #: Lines that the agent has acknowledged already.
        self.sent = 0
        #: Somebody reads it: nothing is appended any more.
        self.taken = False
        self.adopted: Optional[Orphan] = None

    def read(self) -> List[str]:
        if self.lines is not None:
            return self.lines
        assert self.path is not None
        with open(self.path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()


class Orphan:
    """The directory of a process that is gone; ours as long as we hold its lock."""

    def __init__(self, directory: str, lock: int, left: int) -> None:
        self.directory = directory
        self.lock = lock
        self.left = left

    def release(self) -> None:
        if self.left == 0:
            _remove(self.directory)
        os.close(self.lock)


def default_root() -> Optional[str]:
    """SBOXAGENT_SPOOL_DIR, else below the user's state directory, else below the temporary one. None where none can be had."""
    named = os.environ.get("SBOXAGENT_SPOOL_DIR")
    state = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    for path in [named] if named else [os.path.join(state, "sboxagent-client"), os.path.join(tempfile.gettempdir(), f"sboxagent-client-{os.getuid()}")]:
        if path.startswith("~"):
            continue
        try:
            os.makedirs(path, mode=0o700, exist_ok=True)
            if os.stat(path).st_uid == os.geteuid() and os.access(path, os.W_OK | os.X_OK):
                return path
        except OSError:
            continue
    return None


def _remove(directory: str) -> None:
    for name in ("lock",):
        try:
            os.unlink(os.path.join(directory, name))
        except OSError:
            pass
    try:
        os.rmdir(directory)
    except OSError:
        pass


def _lock(path: str, create: bool) -> Optional[int]:
    """The open, locked file; None where another process holds it."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if create else 0)
    try:
        fd = os.open(path, flags, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return fd
    except OSError:
        os.close(fd)
        return None


def _sync(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class Outbox:
    """The queue of batches. Every method may be called from any thread; only `sync` may take long."""

    def __init__(self, root: Optional[str], plugin_id: str, max_bytes: int, memory_events: int) -> None:
        self._root = os.path.join(root, re.sub(r"[^A-Za-z0-9._-]", "_", plugin_id)[:64] or "_") if root else None
        self._max_bytes = max_bytes
        #: One of several that fill the spool: what is given up is a part of it.
        self._batch_bytes = min(BATCH_BYTES, max_bytes // 8)
        self._memory_events = memory_events
        self._mutex = threading.Lock()
        self._batches: Deque[Batch] = deque()
        self._next = 0
        self._own: Optional[str] = None
        self._own_lock: Optional[int] = None
        self._dirty: Set[str] = set()
        self._bytes = 0
        #: While the agent is away everything goes to files.
        self.away = False
        #: Events given up: no room, no disk.
        self.lost = 0
        #: The same of processes that are gone.
        self.lost_orphans = 0

    def put(self, lines: List[str]) -> None:
        """Takes lines in, and gives up the oldest ones for them where there is no room."""
        with self._mutex:
            step = BATCH_EVENTS if self._root is not None else max(1, min(BATCH_EVENTS, self._memory_events // 4))
            for start in range(0, len(lines), step):
                self._put(lines[start : start + step])

    def _put(self, lines: List[str]) -> None:
        size = sum(map(len, lines)) + len(lines)
        if self._root is not None and (self.away or len(self._batches) >= MEMORY_BATCHES):
            self._make_room(size)
        tail = self._batches[-1] if self._batches else None
        fits = tail is not None and not tail.taken and tail.count + len(lines) <= BATCH_EVENTS and tail.size + size <= self._batch_bytes
        if self._root is None:
            while sum(one.count for one in self._batches) + len(lines) > self._memory_events and self._give_up_oldest():
                pass
        if tail is not None and fits and tail.lines is not None and not self.away and self._root is not None:
            tail.lines.extend(lines)
            tail.count, tail.size = tail.count + len(lines), tail.size + size
            return
        in_files = tail is not None and tail.lines is None
        if self._root is not None and (self.away or in_files or len(self._batches) >= MEMORY_BATCHES):
            if tail is not None and fits and in_files and tail.adopted is None:
                if self._write(tail, lines, size):
                    tail.count, tail.size = tail.count + len(lines), tail.size + size
                    return
            batch = Batch(self._number(), None, len(lines), size)
            if self._write(batch, lines, size):
                self._batches.append(batch)
            else:
                self.lost += len(lines)
            return
        self._batches.append(Batch(self._number(), lines, len(lines), size))

    def _number(self) -> int:
        self._next += 1
        return self._next

    def _directory(self) -> Optional[str]:
        if self._own is None and self._root is not None:
            path = os.path.join(self._root, f"{os.getpid()}-{uuid.uuid4().hex[:12]}")
            try:
                os.makedirs(self._root, mode=0o700, exist_ok=True)
                self._prune()
                os.makedirs(path, mode=0o700)
            except OSError:
                return None
            self._own_lock = _lock(os.path.join(path, "lock"), True)
            self._own = path
        return self._own

    def _prune(self) -> None:
        """Gives up the oldest directories of processes that are gone while there is too much of them."""
        assert self._root is not None
        found = []
        with os.scandir(self._root) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    size = sum(one.stat(follow_symlinks=False).st_size for one in os.scandir(entry.path))
                    found.append((entry.stat(follow_symlinks=False).st_mtime, size, entry.path))
        found.sort()
        total = sum(size for _, size, _ in found)
        while found and (total > self._max_bytes or len(found) >= ORPHANS):
            _, size, path = found.pop(0)
            fd = _lock(os.path.join(path, "lock"), True)
            if fd is None:
                continue
            total -= size
            for name in os.listdir(path):
                if name.endswith(".jsonl"):
                    with open(os.path.join(path, name), "rb") as file:
                        self.lost_orphans += file.read().count(b"\n")
                    os.unlink(os.path.join(path, name))
            _remove(path)
            os.close(fd)

    def _make_room(self, size: int) -> None:
        while self._bytes + size > self._max_bytes and self._give_up_oldest():
            pass

    def _write(self, batch: Batch, lines: List[str], size: int) -> bool:
        """Appends lines to the batch's file, in the page cache only. A half write is cut off again."""
        if self._bytes + size > self._max_bytes:
            return False
        directory = self._directory()
        if directory is None:
            return False
        path = batch.path or os.path.join(directory, f"{batch.number:012d}.jsonl")
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError:
            return False
        start = os.fstat(fd).st_size
        try:
            rest = memoryview(("\n".join(lines) + "\n").encode("utf-8"))
            while rest:
                rest = rest[os.write(fd, rest) :]
        except OSError:
            os.ftruncate(fd, start)
            return False
        finally:
            os.close(fd)
        batch.path = path
        self._bytes += size
        self._dirty.add(path)
        return True

    def _give_up_oldest(self) -> bool:
        for batch in self._batches:
            if not batch.taken and batch.adopted is None and (self._root is None or batch.lines is None):
                self.lost += batch.count - batch.sent
                self._batches.remove(batch)
                self._forget(batch)
                return True
        return False

    def _forget(self, batch: Batch) -> None:
        if batch.path is not None:
            self._dirty.discard(batch.path)
            try:
                os.unlink(batch.path)
            except OSError:
                pass
            if batch.adopted is None:
                self._bytes -= batch.size

    def empty(self) -> bool:
        return not self._batches

    def spoil(self, batch: Batch) -> None:
        """A batch that cannot be read."""
        if batch.adopted is None:
            self.lost += batch.count - batch.sent
        self.done(batch)

    def head(self) -> Optional[Batch]:
        """The oldest batch, from now on closed to additions."""
        with self._mutex:
            if not self._batches:
                return None
            self._batches[0].taken = True
            return self._batches[0]

    def done(self, batch: Batch) -> None:
        with self._mutex:
            if batch in self._batches:
                self._batches.remove(batch)
            self._forget(batch)
            if batch.adopted is not None:
                batch.adopted.left -= 1
                if batch.adopted.left == 0:
                    batch.adopted.release()

    def go_away(self) -> None:
        """The agent is away: what is in memory goes to files."""
        with self._mutex:
            self.away = True
            self._persist()

    def _persist(self) -> None:
        if self._root is None:
            return
        for batch in list(self._batches):
            if batch.lines is not None:
                rest = batch.lines[batch.sent :]
                self._make_room(batch.size)
                if rest and not self._write(batch, rest, batch.size):
                    continue
                batch.lines, batch.count, batch.sent = None, len(rest), 0

    def sync(self) -> None:
        """Brings what was written to the disk itself."""
        with self._mutex:
            dirty, self._dirty = self._dirty, set()
        for path in [*dirty, *({self._own} if dirty and self._own else ())]:
            try:
                _sync(path)
            except OSError:
                pass

    def adopt(self) -> int:
        """Takes over what processes that are gone left behind, in front of our own; returns how many batches."""
        if self._root is None:
            return 0
        try:
            names = [one for one in os.listdir(self._root) if os.path.join(self._root, one) != self._own]
        except OSError:
            return 0
        with self._mutex:
            return self._adopt(sorted((os.path.join(self._root, one) for one in names), key=_age))

    def _adopt(self, directories: List[str]) -> int:
        taken: List[Batch] = []
        for directory in directories:
            fd = _lock(os.path.join(directory, "lock"), False)
            if fd is None:
                continue
            files = sorted(one for one in os.listdir(directory) if one.endswith(".jsonl"))
            orphan = Orphan(directory, fd, len(files))
            if not files:
                orphan.release()
            for name in files:
                batch = Batch(0, None, 0, 0)
                batch.path, batch.adopted, batch.taken = os.path.join(directory, name), orphan, True
                taken.append(batch)
        self._batches.extendleft(reversed(taken))
        return len(taken)

    def left_behind(self) -> bool:
        """Whether batches of processes that are gone wait: adopted ones, or such that nobody has adopted."""
        with self._mutex:
            return any(one.adopted is not None for one in self._batches) or (self._root is not None and self._has_orphans(self._root))

    def _has_orphans(self, root: str) -> bool:
        try:
            found = [entry.path for entry in os.scandir(root) if entry.path != self._own and entry.is_dir(follow_symlinks=False)]
            found = [path for path in found if any(name.endswith(".jsonl") for name in os.listdir(path))]
        except OSError:
            return False
        for path in found:
            fd = _lock(os.path.join(path, "lock"), False)
            if fd is not None:
                os.close(fd)
                return True
        return False

    def close(self) -> None:
        """Everything that is left goes to files, on the disk."""
        with self._mutex:
            self.away = True
            self._persist()
            kept = [one for one in self._batches if one.lines is not None]
            self.lost += sum(one.count - one.sent for one in kept)
            orphans = {one.adopted for one in self._batches if one.adopted is not None}
            ours = any(one.lines is None and one.adopted is None for one in self._batches)
            self._batches.clear()
        self.sync()
        for orphan in orphans:
            orphan.release()
        if self._own is not None and not ours:
            _remove(self._own)
            self._remove_root()
        if self._own_lock is not None:
            os.close(self._own_lock)
        self._own = self._own_lock = None

    def _remove_root(self) -> None:
        try:
            os.rmdir(self._root or "")
        except OSError:
            pass

    def abandon(self) -> None:
        """After a fork, in the child: the parent keeps it all, its lock too (closing our copy does not free it)."""
        if self._own_lock is not None:
            os.close(self._own_lock)
        self._mutex = threading.Lock()
        self._batches = deque()
        self._dirty = set()
        self._own = self._own_lock = None
        self._bytes = self.lost = self.lost_orphans = 0
        self.away = False


def _age(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0
