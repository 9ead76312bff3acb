"""A snapshot as bytes for a result file, and back."""

import gzip
import zlib

import msgspec

from bench.audit.rows import Snapshot
from bench.errors import ShopbenchError
from bench.results.episodes import MAX_FILE_BYTES
from bench.results.plain_text import plain_json

_GZIP = 16 + zlib.MAX_WBITS


def pack(snapshot: Snapshot) -> bytes:
    """Gzipped JSON; the same rows give the same bytes."""
    return gzip.compress(msgspec.json.encode(snapshot), compresslevel=6, mtime=0)


def unpack(content: bytes) -> Snapshot:
    """Raises ShopbenchError (3) for anything that `pack` did not write."""
    try:
        unpacker = zlib.decompressobj(_GZIP)
        document = unpacker.decompress(content, MAX_FILE_BYTES)
        if not unpacker.eof:
            raise EOFError("it is cut off, or larger than any")
        return msgspec.json.decode(plain_json(document), type=Snapshot)
    except (zlib.error, EOFError, UnicodeDecodeError, msgspec.MsgspecError, RecursionError) as exc:
        raise ShopbenchError(f"the stored snapshot is damaged: {exc}", 3) from exc
