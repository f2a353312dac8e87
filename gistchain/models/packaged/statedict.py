"""A file of torch.save in its format before 1.6 -> its tensors, without torch and without running what it says.

Five pickles, then each storage as its length and its numbers. The pickles are read by a machine of our own that knows
the operations of such files and no other: numbers, texts, tuples, dicts with texts as keys, and tensors. Anyone may
have written the file: neither time nor memory depends on more than its length.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gistchain.errors import ModelError

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # of torch.save before version 1.6
_DAMAGE = (EOFError, ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, MemoryError)
_STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
_MOST_OPERATIONS = 1_000_000
"""In the pickles of one file; that of a network of 25 MB has 3,000. Each may cost a hundred bytes."""
_VALUES = frozenset(
    "BININT BININT1 BININT2 LONG1 BINUNICODE SHORT_BINUNICODE BINFLOAT".split()  # noqa: SIM905
)
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_MARK = object()


def state_dict(raw: bytes) -> dict[str, NDArray[Any]]:
    """The float32 and int64 tensors of the file by name. Raises ModelError for anything else."""
    file = io.BytesIO(raw)
    reader = _Reader(file, len(raw))
    try:
        if (reader.value(), reader.value()) != (_MAGIC, _PROTOCOL):
            raise ModelError("not a file of torch.save in the format that the packages use")
        reader.value()  # what machine wrote it
        state = reader.value()
        if type(state) is not dict:
            raise ModelError("the state dict is damaged: it is no mapping")
        for key in reader.value():
            reader.fill(key)
    except _DAMAGE as error:
        raise ModelError(f"the state dict is damaged ({type(error).__name__}: {error})") from error
    if file.read(1) or reader.empty or not all(isinstance(t, np.ndarray) for t in state.values()):
        raise ModelError("the state dict is damaged: its tensors and its numbers don't fit together")
    return state


class _Reader:
    """Reads one pickle after the other; tensors are views of arrays that `fill` fills later.

    empty: keys of storages that were not filled yet.
    """

    def __init__(self, file: io.BytesIO, budget_bytes: int) -> None:
        self._file, self._budget, self._operations = file, budget_bytes, 0
        self._storages: dict[str, NDArray[Any]] = {}
        self.empty: set[str] = set()
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def value(self) -> Any:
        """What the next pickle says."""
        import pickletools  # not loaded where the networks that were made of such files are kept

        self._stack, self._memo = [], {}
        for operation, argument, _ in pickletools.genops(self._file):
            self._operations += 1
            if self._operations > _MOST_OPERATIONS:
                raise ModelError(f"the state dict has more than {_MOST_OPERATIONS:,} operations: it is not a network's")
            if operation.name == "STOP":
                return self._stack.pop()
            self._do(operation.name, argument)
        raise EOFError("a pickle that does not end")

    def _do(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name in _VALUES:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in ("BINPUT", "LONG_BINPUT"):
            self._memo[argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(self._memo[argument])
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            stack[-int(name[-1]) :] = [tuple(stack[-int(name[-1]) :])]
        elif name in _MADE:
            stack.append(_MADE[name]())
        elif name == "MARK":
            stack.append(_MARK)
        elif name == "TUPLE":
            stack.append(tuple(self._since_mark()))
        elif name != "PROTO":
            self._build(name, argument)

    def _build(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name == "GLOBAL":
            stack.append(_named(argument))
        elif name == "REDUCE":
            arguments, made = stack.pop(), stack.pop()
            if made not in (_tensor, _mapping):
                raise TypeError("something that makes no tensor")
            stack.append(made(*arguments))
        elif name == "BINPERSID":
            stack.append(self._storage(*stack.pop()))
        elif name in ("APPEND", "APPENDS"):
            _list(stack, [stack.pop()] if name == "APPEND" else self._since_mark())
        elif name in ("SETITEM", "SETITEMS"):
            items = [stack.pop(-2), stack.pop()] if name == "SETITEM" else self._since_mark()
            _fill(stack[-1], items)
        elif name == "BUILD":  # versions of the modules, which we need not
            stack.pop()
        else:
            raise ModelError(f"the state dict has an operation {name}: it holds more than tensors and is not read")

    def _since_mark(self) -> list[Any]:
        items: list[Any] = []
        while (item := self._stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def _storage(self, kind: object, dtype: object, key: object, _: object, count: object, view: object) -> Any:
        if kind != "storage" or view is not None or not isinstance(dtype, np.dtype) or not isinstance(key, str):
            raise ValueError("an unknown kind of storage")
        if type(count) is not int:
            raise ValueError("a storage without a length")
        if key not in self._storages:
            self._budget -= count * dtype.itemsize
            if count < 0 or self._budget < 0:
                raise ValueError("storages larger than the file")
            self._storages[key] = np.zeros(count, dtype)
            self.empty.add(key)
        return self._storages[key]

    def fill(self, key: str) -> None:
        """Read the numbers of a storage."""
        if type(key) is not str:
            raise TypeError("the key of a storage is no text")
        storage = self._storages[key]
        if int.from_bytes(self._file.read(8), "little") != storage.size:
            raise ValueError("a storage of another length")
        content = self._file.read(storage.nbytes)
        if len(content) != storage.nbytes:
            raise ValueError("a storage that is cut off")
        storage[:] = np.frombuffer(content, storage.dtype)
        self.empty.discard(key)


def _named(name: str) -> object:
    if name == "collections OrderedDict":
        return _mapping
    if name == "torch._utils _rebuild_tensor_v2":
        return _tensor
    module, _, kind = name.partition(" ")
    if module == "torch" and kind in _STORAGES:
        return _STORAGES[kind]
    raise ModelError(f"the state dict asks for {name.replace(' ', '.')}: it holds more than tensors and is not read")


def _mapping() -> dict[str, Any]:
    return {}


def _list(stack: list[Any], items: list[Any]) -> None:
    if type(stack[-1]) is not list:
        raise TypeError("something is appended to what is no list")
    stack[-1].extend(items)


def _fill(mapping: object, items: list[Any]) -> None:
    # Tuples of tuples as keys would be hashed again and again, in time that doubles with each level.
    if type(mapping) is not dict or len(items) % 2 or not all(type(key) is str for key in items[::2]):
        raise TypeError("a mapping whose keys are not texts")
    mapping.update(zip(items[::2], items[1::2], strict=True))


def _tensor(
    storage: NDArray[Any], offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> NDArray[Any]:
    if not isinstance(storage, np.ndarray) or not all(type(n) is int for n in (offset, *size, *stride)):
        raise TypeError("a tensor whose place is not in numbers")
    last, count = offset, 1
    for n, step in zip(size, stride, strict=True):
        last, count = last + (n - 1) * step, count * n
    # A step of 0 repeats numbers: such a view may be larger than any memory.
    if min((offset, *size, *stride)) < 0 or (count and (last >= storage.size or count > storage.size)):
        raise ValueError("a tensor outside its storage")
    steps = tuple(step * storage.itemsize for step in stride)
    return np.lib.stride_tricks.as_strided(storage[offset:], size, steps, writeable=False)


_MADE: dict[str, Callable[[], Any]] = {"EMPTY_DICT": dict, "EMPTY_LIST": list}
