"""Where names that outside cases use have moved to."""

from deepmr.data.encode import encode_source as EncodeSource

__all__ = ["EncodeSource"]
