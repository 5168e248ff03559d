"""Freed memory that the process keeps for the next block instead of returning it to the system."""

from __future__ import annotations

import functools

import torch

__all__ = ["keep_freed_memory"]

_LARGEST = (32 << 20) - (64 << 10)
"""Bytes of one allocation, just below the largest that glibc learns from (32 MiB)."""


@functools.cache
def keep_freed_memory() -> None:
    """Let glibc keep up to 64 MiB of freed memory, once a process.

    The arrays of a block are some megabytes each. By default glibc maps such an array anew each
    time and unmaps it when it is freed, and the system has to clear every page of it: up to half of
    the time of small networks. glibc raises its thresholds to the size of the largest mapped array
    that was freed, and trims its heap at twice that; so one array that is allocated, never
    touched and freed suffices. Other allocators take no notice.

    References:
        mallopt(3), M_MMAP_THRESHOLD (dynamic thresholds).

    Example:
        >>> keep_freed_memory()
    """
    torch.empty(_LARGEST, dtype=torch.uint8)
