"""Which errors are bad input or a failing machine, and the one line that a user is told."""

from __future__ import annotations

from hydra.errors import HydraException, InstantiationException
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

__all__ = ["error_line", "is_bad_input"]

_USER_ERRORS = (ValueError, LookupError, OSError, HydraException, OmegaConfBaseException)


def error_line(error: BaseException) -> str:
    r"""Return in one line what a user is told of an error.

    Args:
        error: The error; of one that a part's builder raised, its cause counts.

    Example:
        >>> error_line(ValueError("two\n  lines"))
        'two lines'
    """
    while isinstance(error, InstantiationException) and error.__cause__ is not None:
        error = error.__cause__
    if (failed := _machine_failed(error)) is not None:
        return failed
    if isinstance(error, MissingMandatoryValue) and error.full_key:
        return f"{error.full_key} must be set; add {error.full_key}=VALUE to the command"
    if isinstance(error, KeyError) and error.args:
        text = str(error.args[0])
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    else:
        text = str(error)
    if isinstance(error, FileNotFoundError):
        return text.strip()  # may list what to place where, a line each
    return " ".join(text.split())


def is_bad_input(error: BaseException) -> bool:
    """Say whether an error is about what was given, or about the machine, and no fault of ours.

    Args:
        error: The error.

    Example:
        >>> is_bad_input(LookupError("no such task")), is_bad_input(TypeError("a fault of ours"))
        (True, False)
    """
    while isinstance(error, InstantiationException) and error.__cause__ is not None:
        error = error.__cause__
    return isinstance(error, _USER_ERRORS) or _machine_failed(error) is not None


def _machine_failed(error: BaseException) -> str | None:
    """Return in one line what to do where a process was killed or memory ran out; else None.

    Example:
        >>> _machine_failed(RuntimeError("DataLoader worker (pid 7) is killed by signal"))[:34]
        'a loader process was killed, perha'
        >>> _machine_failed(RuntimeError("shapes differ")) is None
        True
    """
    if not isinstance(error, RuntimeError):
        return None
    text = str(error)
    if text.startswith("DataLoader worker"):
        return (
            "a loader process was killed, perhaps for want of memory; the same command goes on, "
            "with workers=0 without such processes"
        )
    if "out of memory" in text:
        return (
            "the device ran out of memory; the same command goes on with a smaller batch_size "
            "(training) or mutagenesis.chunk (interrogation)"
        )
    return None
