"""What ends a job from outside: signals as Ctrl-C does, a reader of its output that is gone."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["Interruption", "end_with_parent", "end_with_reader", "interrupted_by_signals"]

_SIGNALS = ("SIGTERM", "SIGUSR1")
_SOON = 0.05  # seconds until a signal that was lost is sent again
_PATROL = 1.0  # seconds between looks at the parent


class Interruption:
    """Which signal interrupted a job.

    Example:
        >>> Interruption().status
        130
    """

    def __init__(self) -> None:
        self.signal = int(signal.SIGINT)

    @property
    def status(self) -> int:
        """Exit status by the shell's convention: 130 after Ctrl-C, 143 after SIGTERM."""
        return 128 + self.signal


@contextmanager
def interrupted_by_signals() -> Iterator[Interruption]:
    """Raise KeyboardInterrupt at SIGTERM and SIGUSR1, once; put the handlers back afterwards.

    `scancel`, `docker stop` and a job's time limit send the one or the other.

    Python drops an exception that is raised while it runs a finalizer or a weak reference's
    callback. An interruption that is lost in this way, Ctrl-C too, is sent again.

    Processes forked from this one (a loader's workers) keep the default: they end at once.
    """
    said, owner = Interruption(), os.getpid()

    def interrupt(number: int, _: FrameType | None) -> None:
        if os.getpid() != owner:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        said.signal = number
        signal.signal(number, signal.SIG_IGN)  # the shutdown is not to be interrupted again
        raise KeyboardInterrupt

    before: dict[int, Any] = {}
    told = sys.unraisablehook

    def send_again(lost: Any) -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            told(lost)
            return
        if said.signal in before:
            signal.signal(said.signal, interrupt)
        timer = threading.Timer(_SOON, os.kill, (owner, said.signal))
        timer.daemon = True
        timer.start()

    if threading.current_thread() is threading.main_thread():
        for name in _SIGNALS:
            number = getattr(signal, name, None)
            if number is not None:
                before[number] = signal.signal(number, interrupt)
        sys.unraisablehook = send_again
    try:
        yield said
    finally:
        sys.unraisablehook = told
        for number, handler in before.items():
            signal.signal(number, handler)


def end_with_parent() -> None:
    """End this process when the one that started it is gone: no rank waits for a dead one."""
    parent = os.getppid()

    def patrol() -> None:
        while os.getppid() == parent:
            time.sleep(_PATROL)
        os._exit(128 + signal.SIGTERM)

    threading.Thread(target=patrol, daemon=True, name="end with parent").start()


@contextmanager
def end_with_reader() -> Iterator[None]:
    """End quietly, with the status of SIGPIPE, where nobody reads the output, as after `| head`.

    Raises:
        SystemExit: With status 141, if the output is a pipe whose reader is gone.
        BrokenPipeError: Of another pipe than the output.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        output = select.poll()
        output.register(sys.stdout.fileno(), select.POLLOUT)
        if not any(state & select.POLLERR for _, state in output.poll(0)):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the last flush
        sys.exit(128 + signal.SIGPIPE)
