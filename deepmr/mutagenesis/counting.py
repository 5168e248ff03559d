"""Tell a listener how many mutants an engine has evaluated, while it evaluates more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["count_mutants", "counted_by"]

_LISTENER: ContextVar[Callable[[int], None] | None] = ContextVar("listener", default=None)


@contextmanager
def counted_by(listener: Callable[[int], None]) -> Iterator[None]:
    """Context manager: engines tell the listener of each group of mutants that is done.

    Args:
        listener: Takes the number of mutants.

    Example:
        >>> done = []
        >>> with counted_by(done.append):
        ...     count_mutants(96)
        >>> done
        [96]
    """
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def count_mutants(n: int) -> None:
    """Tell the listener, if there is one; called by engines.

    Args:
        n: Number of mutants.
    """
    listener = _LISTENER.get()
    if listener is not None:
        listener(n)
