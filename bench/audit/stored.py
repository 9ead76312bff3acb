"""A snapshot as bytes for a result file, and back."""

import gzip

import msgspec

from bench.audit.rows import Snapshot
from bench.errors import ShopbenchError


def pack(snapshot: Snapshot) -> bytes:
    """Gzipped JSON; the same rows give the same bytes."""
    return gzip.compress(msgspec.json.encode(snapshot), compresslevel=6, mtime=0)


def unpack(content: bytes) -> Snapshot:
    """Raises ShopbenchError (3) for anything that `pack` did not write."""
    try:
        return msgspec.json.decode(gzip.decompress(content), type=Snapshot)
    except (OSError, EOFError, msgspec.MsgspecError) as exc:
        raise ShopbenchError(f"the stored snapshot is damaged: {exc}", 3) from exc
