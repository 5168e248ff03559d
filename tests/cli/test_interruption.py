"""A signal ends a job wherever it arrives."""

import os
import signal
import subprocess
import sys
import time

import pytest

from deepmr.cli.interruption import end_with_reader, interrupted_by_signals


class Finalized:
    """Is sent a signal while it is finalized, where Python drops exceptions."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        os.kill(os.getpid(), self.number)
        time.sleep(0.01)


def _finalize_and_wait(number: int) -> None:
    Finalized(number)
    time.sleep(5)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_a_signal_that_arrives_in_a_finalizer_is_not_lost(number: int) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), interrupted_by_signals():
            _finalize_and_wait(number)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_command_ends_quietly_when_nobody_reads_its_output(unbuffered: str) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "deepmr", "--help"],
        stdout=write,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


def test_another_broken_pipe_stays_an_error() -> None:
    with pytest.raises(BrokenPipeError, match="a worker's"), end_with_reader():
        raise BrokenPipeError("a worker's")
