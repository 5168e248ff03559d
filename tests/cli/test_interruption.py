"""A signal ends a job wherever it arrives."""

import os
import signal
import time

import pytest

from deepmr.cli.interruption import interrupted_by_signals


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
