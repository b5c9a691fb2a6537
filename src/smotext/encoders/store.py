"""The former place of :mod:`smotext.caching`, for what still imports it from here."""

from smotext.caching import sha256_of

__all__ = ["sha256_of"]
