"""A picture -> the pieces that each get a text of their own (S4.1), and where each one is, in words."""

from __future__ import annotations

from gistchain.errors import SettingError
from gistchain.types import Pixels

COUNTS = 1, 2, 4, 9
Box = tuple[int, int, int, int]
"""(left, top, width, height)"""
_ROWS = {1: ("",), 2: ("top", "bottom"), 3: ("top", "middle", "bottom")}
_COLUMNS = {1: ("",), 2: ("left", "right"), 3: ("left", "centre", "right")}


def grid(size: tuple[int, int], count: int) -> tuple[int, int]:
    """(columns, rows) of so many pieces, one of COUNTS; two lie along the longer side. size: (width, height).

    Raises SettingError for another count, and where the picture has fewer pixels a side than pieces.
    """
    if count not in COUNTS:
        raise SettingError(f"a picture is told in 1, 2, 4 or 9 texts, not in {count}")
    width, height = size
    found = {1: (1, 1), 2: (2, 1) if width >= height else (1, 2), 4: (2, 2), 9: (3, 3)}[count]
    if width < found[0] or height < found[1]:
        raise SettingError(f"a picture of {width} x {height} pixels has no {count} pieces: take fewer texts")
    return found


def has(size: tuple[int, int], count: int) -> bool:
    """Whether a picture of (width, height) has so many pieces."""
    try:
        return bool(grid(size, count))
    except SettingError:
        return False


def boxes(size: tuple[int, int], count: int) -> list[Box]:
    """Of each piece, row by row, as even as whole pixels allow. Raises SettingError as `grid` does."""
    columns, rows = grid(size, count)
    across = [size[0] * k // columns for k in range(columns + 1)]
    down = [size[1] * k // rows for k in range(rows + 1)]
    return [
        (across[x], down[y], across[x + 1] - across[x], down[y + 1] - down[y])
        for y in range(rows)
        for x in range(columns)
    ]


def piece(image: Pixels, box: Box) -> Pixels:
    left, top, width, height = box
    return image[top : top + height, left : left + width]


def place(columns: int, rows: int, numbers: frozenset[int]) -> str:
    """Where these pieces are: "" for all of them, "top" for a row, "left" for a column, else each by its name."""
    every = frozenset(range(columns * rows))
    if numbers == every:
        return ""
    for y, name in enumerate(_ROWS[rows]):
        if columns > 1 and numbers == frozenset(range(y * columns, (y + 1) * columns)):
            return f"{name} row" if rows == 3 else name
    for x, name in enumerate(_COLUMNS[columns]):
        if rows > 1 and numbers == frozenset(range(x, columns * rows, columns)):
            return f"{name} column" if columns == 3 else name
    return " and ".join(
        f"{_ROWS[rows][number // columns]} {_COLUMNS[columns][number % columns]}".strip() for number in sorted(numbers)
    )


def nearest(columns: int, rows: int, number: int, among: frozenset[int]) -> int:
    """The one of these, at least one, whose text may stand in: of the same row first, as sky and ground lie in rows."""

    def apart(other: int) -> tuple[int, int]:
        return abs(other // columns - number // columns), abs(other % columns - number % columns)

    return min(among, key=apart)
