"""Saves the emulator's state soon after each change, so that a kill -9 loses at most the last moments.

MiniStack writes its state at SIGTERM only. Here a forked child writes it, as Redis does: the child sees one frozen
picture of memory, requests go on meanwhile, and a write costs the server only the fork. Files are written
beside their places and put there together at the end, so a kill in the middle leaves the older ones.
"""

import asyncio
import copy
import ctypes
import gc
import json
import logging
import os
import signal
import time
import warnings
from collections.abc import Callable

from ministack import app as ministack
from ministack.core import persistence

logger = logging.getLogger("saving")
warnings.filterwarnings("ignore", message=".*fork.*", category=DeprecationWarning)

SETTLE_S = 0.3
"""Changes that follow each other closely share one write."""
AGAIN_S = 5.0
"""After the last change one more write follows: work in the background (a workflow's end, a delivery) makes no request."""
CHILD_LIMIT_S = 60.0
"""A child that inherited a held lock would wait for ever; it is killed and another one forked."""
REST = 3
"""Between two writes at least this many times the duration of the last one passes, whatever the size of the state."""

PR_SET_PDEATHSIG = 1

READS = ("Get", "List", "Describe", "Query", "Scan", "BatchGet", "TransactGet", "Head", "Receive", "Lookup", "Search")


def changes_state(scope: dict) -> bool:
    """Whether a request may have changed something worth keeping. A message's visibility is not."""
    if scope["method"] in ("GET", "HEAD", "OPTIONS") or scope["path"].startswith("/_aws/execute-api/"):
        return False
    target = dict(scope["headers"]).get(b"x-amz-target", b"").decode("latin-1").rpartition(".")[2]
    return not target.startswith(READS)


class Saver:
    def __init__(self, tidy: Callable[[], None]) -> None:
        """`tidy` is called before each write, on the event loop."""
        self._tidy = tidy
        self._changed: asyncio.Event | None = None
        self._task: asyncio.Task | None = None
        self._child: int | None = None
        self._following = False

    def start(self) -> None:
        """To be called on the event loop, once."""
        if persistence.PERSIST_STATE and self._task is None:
            self._changed = asyncio.Event()
            self._task = asyncio.get_running_loop().create_task(self._run())

    def note(self) -> None:
        """Something changed: it will be on disk within a second or so."""
        self._following = True
        if self._changed is not None:
            self._changed.set()

    def save_and_wait(self) -> None:
        """The last write, at shutdown. A child that is at work holds older state, so it makes way."""
        if self._task is not None:
            self._task.cancel()
        if self._child is not None:
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
            self._child = None
        os.waitpid(_fork(), 0)

    async def _run(self) -> None:
        while True:
            await self._next_change()
            await asyncio.sleep(SETTLE_S)
            self._changed.clear()
            started = time.monotonic()
            if not await self._write():
                self.note()
            await asyncio.sleep(REST * (time.monotonic() - started))

    async def _next_change(self) -> None:
        try:
            await asyncio.wait_for(self._changed.wait(), AGAIN_S if self._following else None)
        except asyncio.TimeoutError:
            self._following = False

    async def _write(self) -> bool:
        self._tidy()
        self._child = _fork()
        try:
            return await _ended(self._child) == 0
        finally:
            self._child = None


async def _ended(pid: int) -> int:
    """The exit code of a child, which is killed when it takes too long."""
    deadline, pause = time.monotonic() + CHILD_LIMIT_S, 0.005
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            logger.warning("a write of the state took over %s s and was given up", CHILD_LIMIT_S)
            os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 0.2)


def _fork() -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        _become_writer(parent)
        _write_all()
        code = 0
    finally:
        os._exit(code)


def end_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _become_writer(parent: int) -> None:
    gc.disable()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent()  # never outlive the emulator and write over its successor
    if os.getppid() != parent:
        os._exit(1)
    # Connections, workers' pipes and the listening sockets are the parent's: a copy held here would keep them open.
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            try:
                os.close(int(name))
            except OSError:
                pass
    copy.deepcopy = lambda value, memo=None: value  # this process is the copy


def _write_all() -> None:
    """All services are written first and put in place together, so that their states go with one another."""
    os.makedirs(persistence.STATE_DIR, exist_ok=True)
    written = []
    for service, get_state in ministack._build_persistence_save_dict().items():
        try:
            state = get_state()
            if state is not None:
                written.append(_write(service, state))
        except Exception:
            logger.exception("could not save the state of %s", service)
    for path in written:
        os.replace(f"{path}.tmp", path)


def _write(service: str, state: dict) -> str:
    path = os.path.join(persistence.STATE_DIR, f"{service}.json")
    wrapped = {"__ministack_format__": persistence._state_format_version(service), "payload": state}
    text = json.dumps(wrapped, default=persistence._json_default)
    with open(f"{path}.tmp", "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    return path
