"""A trial's rows as a Parquet file, one line a request.

Neighbours: `journal` says which file belongs to which trial; `dataset` computes from the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bench.errors import CorruptResults
from bench.files import open_file, replace_file
from bench.results.plain_text import plain

_TEXT = pa.dictionary(pa.int32(), pa.string())
ROW_SCHEMA = pa.schema(
    [
        ("due_s", pa.float64()),  # seconds from the trial's start, as the schedule asked
        ("sent_s", pa.float64()),
        ("done_s", pa.float64()),
        ("status", pa.int16()),  # 0 = no answer
        ("bytes", pa.int32()),
        ("operation", _TEXT),
        ("journey", _TEXT),
        ("error", _TEXT),  # "" = none
        ("visit", pa.int32()),
        ("app_ms", pa.float32()),  # the server's own time (Server-Timing); NaN if not stated
        ("db_ms", pa.float32()),
    ]
)
# A small file can unpack to any size; these are far above what a trial has.
MAX_ROWS, _MAX_ROW_BYTES, _BYTES_BESIDE = 20_000_000, 1000, 2**24


def rows_table(columns: Mapping[str, Sequence[Any]]) -> pa.Table:
    """Build a table of `ROW_SCHEMA` from columns. Raises ValueError on a wrong set of columns."""
    if set(columns) != set(ROW_SCHEMA.names):
        raise ValueError(f"row columns must be {ROW_SCHEMA.names}, not {sorted(columns)}")
    arrays = []
    for column in ROW_SCHEMA:
        if column.type == _TEXT:
            arrays.append(pa.array(columns[column.name], pa.string()).dictionary_encode())
        else:
            arrays.append(pa.array(columns[column.name], column.type))
    return pa.Table.from_arrays(arrays, schema=ROW_SCHEMA)


def write_rows(path: Path, rows: pa.Table) -> None:
    """Store rows of `ROW_SCHEMA`. Raises ShopbenchError (3) where nothing can be written."""
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd", write_page_checksum=True)
    replace_file(path, sink.getvalue())


def check_rows(path: Path, sent: int) -> None:
    """Look whether a file holds `sent` rows, without reading them. Raises CorruptResults."""
    try:
        with open_file(path) as file, pq.ParquetFile(file) as held:
            _check_size(path, held, sent)
    except (OSError, pa.ArrowException) as exc:
        raise _damage(path, exc) from exc


def read_rows(path: Path, sent: int) -> pa.Table:
    """Return the `sent` rows of a file. Raises CorruptResults if it is not as written."""
    try:
        with open_file(path) as file, pq.ParquetFile(file, page_checksum_verification=True) as held:
            _check_size(path, held, sent)
            if held.schema_arrow.names != ROW_SCHEMA.names:
                raise CorruptResults(f"{path}: columns {held.schema_arrow.names}")
            rows = held.read().cast(ROW_SCHEMA)
        rows.validate(full=True)
    except (OSError, pa.ArrowException) as exc:
        raise _damage(path, exc) from exc
    return _plain_texts(path, rows)


def _check_size(path: Path, held: pq.ParquetFile, sent: int) -> None:
    found = held.metadata
    if found.num_rows != sent:
        raise CorruptResults(f"{path}: {found.num_rows} rows, the journal says {sent}")
    unpacked = sum(found.row_group(i).total_byte_size for i in range(found.num_row_groups))
    if sent > MAX_ROWS or unpacked > sent * _MAX_ROW_BYTES + _BYTES_BESIDE:
        raise CorruptResults(f"{path}: {sent:,} rows in {unpacked:,} bytes, more than a trial has")


def _damage(path: Path, exc: Exception) -> CorruptResults:
    reason = (isinstance(exc, OSError) and exc.strerror) or str(exc).partition("\n")[0]
    return CorruptResults(f"{path}: {reason}")


def _plain_texts(path: Path, rows: pa.Table) -> pa.Table:
    """The same rows with plain texts; a value that is missing is damage."""
    for at, column in enumerate(ROW_SCHEMA):
        held = rows.column(at)
        if held.null_count:
            raise CorruptResults(f"{path}: {column.name} is missing in {held.null_count} rows")
        if column.type == _TEXT:
            chunks = [_plain_chunk(chunk) for chunk in held.chunks]
            rows = rows.set_column(at, column, pa.chunked_array(chunks, _TEXT))
    return rows


def _plain_chunk(chunk: pa.DictionaryArray) -> pa.DictionaryArray:
    texts = pa.array(map(plain, chunk.dictionary.to_pylist()), pa.string())
    return pa.DictionaryArray.from_arrays(chunk.indices, texts)
