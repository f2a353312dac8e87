"""pyarrow, which the extra `collections` brings."""

from __future__ import annotations

from typing import Any

from gistchain.errors import CollectionError


def arrow() -> Any:
    """pyarrow with its Parquet. Raises CollectionError where it is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise CollectionError(
            f"Parquet files need {error.name or 'pyarrow'}: pip install 'gistchain[collections]'"
        ) from error
    return pyarrow
