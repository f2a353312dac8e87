"""State dicts of torch.save are read without torch; a hostile one runs nothing, and takes neither time nor memory."""

from __future__ import annotations

import contextlib
import io
import pickle
import resource
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gistchain.errors import ModelError
from gistchain.models.packaged import statedict
from tests.support.forks import Child


class Storage:
    def __init__(self, key: str, count: Any, kind: str = "storage", dtype: str = "FloatStorage") -> None:
        self.pid = (kind, Typed("torch", dtype), key, "cpu", count, None)


class Typed:
    """Pickled as a name of another module, as torch would write it."""

    def __init__(self, module: str, name: str) -> None:
        self.name = f"c{module}\n{name}\n".encode()


class Call:
    def __init__(self, function: Typed, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments


class Writer(pickle._Pickler):  # the one in Python lets a test write any opcode
    def persistent_id(self, obj: Any) -> Any:
        return obj.pid if isinstance(obj, Storage) else None

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        if isinstance(obj, Typed):
            self.write(obj.name)
        elif isinstance(obj, Call):
            self.save(obj.function)
            self.save(obj.arguments)
            self.write(pickle.REDUCE)
        else:
            super().save(obj, save_persistent_id)


def written(state: Any, storages: dict[str, np.ndarray] | None = None, magic: int = statedict._MAGIC) -> bytes:
    """A file as torch.save wrote it before version 1.6."""
    file = io.BytesIO()
    for part in (magic, statedict._PROTOCOL, {"little_endian": True}, state, list(storages or {})):
        Writer(file, protocol=2).dump(part)
    for numbers in (storages or {}).values():
        file.write(struct.pack("<q", numbers.size) + numbers.astype("<f4").tobytes())
    return file.getvalue()


def tensor(storage: Storage, offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> Call:
    return Call(Typed("torch._utils", "_rebuild_tensor_v2"), storage, offset, size, stride, False, OrderedDict())


def test_a_state_dict_is_read_with_strides_and_offsets() -> None:
    numbers = np.arange(12, dtype=np.float32)
    shared = Storage("0", 12)
    state = OrderedDict(
        a=tensor(shared, 0, (3, 4), (1, 3)), b=tensor(shared, 5, (2,), (2,)), c=tensor(shared, 11, (), ())
    )
    found = statedict.state_dict(written(state, {"0": numbers}))
    np.testing.assert_array_equal(found["a"], numbers.reshape(4, 3).T)
    np.testing.assert_array_equal(found["b"], [5, 7])
    assert found["c"] == 11


@pytest.mark.parametrize(
    "state",
    [
        Call(Typed("os", "system"), "touch harm"),
        Call(Typed("builtins", "eval"), "1"),
        {"w": Call(Typed("torch", "load"), "file")},
        {"w": Call(Typed("numpy", "array"), [1])},
        {"w": Call(Typed("torch", "DoubleStorage"), 3)},
    ],
)
def test_a_state_dict_that_would_run_something_is_refused(state: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="more than tensors"):
        statedict.state_dict(written(state))
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    ("state", "storages"),
    [
        ({"w": tensor(Storage("0", 4), 0, (5,), (1,))}, {"0": np.zeros(4)}),
        ({"w": tensor(Storage("0", 4), 0, (2, 2), (3, 1))}, {"0": np.zeros(4)}),
        ({"w": tensor(Storage("0", 4), -1, (2,), (1,))}, {"0": np.zeros(4)}),
        ({"w": tensor(Storage("0", 4), 0, (2,), (-1,))}, {"0": np.zeros(4)}),
        ({"w": tensor(Storage("0", 4), 0, (4,), (1,))}, {"0": np.zeros(5)}),
        ({"w": tensor(Storage("0", 4), 0, (4,), (1,))}, {"1": np.zeros(4)}),
        ({"w": tensor(Storage("0", 4), 0, (4,), (1,))}, {}),
        ({"w": tensor(Storage("0", 10**12), 0, (4,), (1,))}, {"0": np.zeros(4)}),
        ({"w": tensor(Storage("0", -4), 0, (0,), (1,))}, {"0": np.zeros(0)}),
        ({"w": tensor(Storage("0", "4"), 0, (4,), (1,))}, {"0": np.zeros(4)}),
        ({"w": tensor(Storage("0", 4, kind="module"), 0, (4,), (1,))}, {"0": np.zeros(4)}),
        ({"w": "no tensor"}, {}),
        (3, {}),
    ],
)
def test_a_state_dict_that_does_not_fit_together_is_refused(state: Any, storages: dict[str, np.ndarray]) -> None:
    with pytest.raises(ModelError, match="damaged"):
        statedict.state_dict(written(state, storages))


def test_no_cut_of_a_state_dict_is_read() -> None:
    whole = written({"w": tensor(Storage("0", 4), 0, (4,), (1,))}, {"0": np.arange(4)})
    assert statedict.state_dict(whole)["w"].tolist() == [0, 1, 2, 3]
    for end in range(len(whole)):
        with pytest.raises(ModelError):
            statedict.state_dict(whole[:end])
    with pytest.raises(ModelError, match="damaged"):
        statedict.state_dict(whole + b"x")
    with pytest.raises(ModelError, match="format"):
        statedict.state_dict(written({}, magic=7))


def _limited(raw: bytes) -> None:
    """In a child: reads with 256 MB more than it has, in ten seconds of the processor."""
    with open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + 2**28, size + 2**28))
    resource.setrlimit(resource.RLIMIT_CPU, (10 + int(sum(resource.getrusage(0)[:2])),) * 2)
    with contextlib.suppress(ModelError):
        assert statedict.state_dict(raw) == {}


HEAD = b"".join(pickle.dumps(part, 2) for part in (statedict._MAGIC, statedict._PROTOCOL, {}))
KEYS = pickle.dumps([], 2)
NESTED = b"X\x01\x00\x00\x00a" + b"q\x00h\x00\x86" * 64  # ((a, a), (a, a)) ... 64 deep


@pytest.mark.parametrize(
    "state",
    [
        *(b"\x80\x02}r" + struct.pack("<I", 2**bits) + b"." for bits in (26, 28, 31)),  # a memo of gigabytes
        b"\x80\x05\x96" + struct.pack("<Q", 2**33) + b".",  # a byte array of gigabytes
        b"\x80\x02}" + NESTED + b"Ns.",  # a key whose hash takes 2^64 steps
        b"\x80\x02ccollections\nOrderedDict\n(]" + NESTED + b"a\x85tR.",
        b"\x80\x02" + b"}" * 3_000_000 + b".",
        b"\x80\x02" + b"(" * 900_000 + b"t" * 900_000 + b".",
    ],
    ids=["memo 2^26", "memo 2^28", "memo 2^31", "byte array", "nested key", "nested pair", "many", "deep"],
)
def test_a_bomb_of_a_few_bytes_is_harmless(state: bytes) -> None:
    assert Child(_limited, HEAD + state + KEYS).finish() == 0


def test_a_view_that_repeats_one_number_for_ever_is_refused() -> None:
    huge = tensor(Storage("0", 4), 0, (2**40,), (0,))
    with pytest.raises(ModelError, match="damaged"):
        statedict.state_dict(written({"w": huge}, {"0": np.zeros(4)}))


def test_a_storage_whose_key_is_nested_is_refused() -> None:
    with pytest.raises(ModelError):
        statedict.state_dict(HEAD + pickle.dumps({}, 2) + b"\x80\x02]" + NESTED + b"a.")
