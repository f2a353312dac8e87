"""Kernels give the same bits whoever compiled them and when, and refuse what they were not made for."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gistchain.kernels import compiled, objectfile
from gistchain.kernels.compiled import Kernel
from gistchain.rareness.measures import between, information

OFFSET = 0.5


def _scaled(value: float, times: int) -> float:
    return value * times + OFFSET


@compiled.compiled("strided f8[n], i8, out f8[n] -> f8, i8")
def scaled(values: Any, times: int, result: Any) -> tuple[float, int]:
    total = 0.0
    for i in range(values.size):
        result[i] = _scaled(values[i], times)
        total += result[i]
    return total, values.size


@compiled.compiled("f4[N, 3], out f4[N]")
def added(rows: Any, result: Any) -> None:
    for row in range(len(rows)):
        result[row] = rows[row, 0] + rows[row, 1] + rows[row, 2]


@compiled.compiled("i8, i8 -> i8")
def quotient(a: int, b: int) -> int:
    return a // b


def test_a_kernel_reads_writes_and_returns_what_it_says() -> None:
    values, result = np.arange(12.0).reshape(6, 2)[:, 1], np.empty(6)
    assert scaled(values, np.int64(3), result) == (3 * 36 + 6 * OFFSET, 6)
    assert (result == 3 * values + OFFSET).all()
    assert scaled(np.empty(0), 3, np.empty(0)) == (0, 0)
    rows, sums = np.arange(6, dtype=np.float32).reshape(2, 3), np.empty(2, np.float32)
    rows.flags.writeable = False
    added(rows, sums)
    assert sums.tolist() == [3, 12]
    assert (quotient(-7, 2), quotient(1 << 62, 1)) == (-4, 1 << 62)


def test_a_division_by_zero_is_not_lost() -> None:
    with pytest.raises(ZeroDivisionError, match="quotient"):
        quotient(1, 0)
    assert quotient(4, 2) == 2


FROZEN = np.zeros(4)
FROZEN.flags.writeable = False
UNALIGNED = np.zeros(33, np.uint8)[1:].view(np.float64)


@pytest.mark.parametrize(
    "arguments",
    [
        (np.zeros(4, np.float32), 1, np.zeros(4)),
        (np.zeros(4, ">f8"), 1, np.zeros(4)),
        (np.zeros(4, np.int64), 1, np.zeros(4)),
        (np.zeros((4, 1)), 1, np.zeros(4)),
        (np.zeros(4), 1, np.zeros(3)),
        (np.zeros(4), 1, np.zeros(8)[::2]),
        (np.zeros(4), 1, FROZEN),
        (UNALIGNED, 1, np.zeros(4)),
        ([0.0] * 4, 1, np.zeros(4)),
        (None, 1, np.zeros(4)),
        (np.zeros(4), 1.0, np.zeros(4)),
        (np.zeros(4), "1", np.zeros(4)),
        (np.zeros(4), 1 << 63, np.zeros(4)),
        (np.zeros(4), 1),
        (np.zeros(4), 1, np.zeros(4), 1),
    ],
)
def test_what_does_not_fit_is_a_type_error_and_never_read(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError):
        scaled(*arguments)


def test_a_dimension_that_is_a_number_is_checked() -> None:
    with pytest.raises(TypeError, match=r"\(2, 4\) is not \[N, 3\]"):
        added(np.zeros((2, 4), np.float32), np.zeros(2, np.float32))


def test_a_kernel_that_allocates_is_refused() -> None:
    """numba's runtime isn't there where an object file is linked."""
    names: dict[str, Any] = {"np": np, "__name__": "somewhere"}
    exec("def f(n):\n return np.zeros(n).sum()", names)
    with pytest.raises(numba.core.errors.NumbaError):
        compiled.compiled("i8 -> f8")(names["f"])(3)


def test_a_kernel_is_not_compiled_for_an_array_that_may_change() -> None:
    names: dict[str, Any] = {"TABLE": np.zeros(3), "__name__": "tests", "__file__": __file__}
    exec("def f(n): return TABLE[n]", names)
    kernels = {"f": Kernel(names["f"], (), ())}
    with pytest.raises(TypeError, match="constants of f"):
        objectfile.key(kernels)


def test_a_kernel_that_no_file_defines_is_compiled_all_the_same() -> None:
    names: dict[str, Any] = {"__name__": "elsewhere"}
    exec("def double(x): return 2 * x", names)
    assert compiled.compiled("i8 -> i8")(names["double"])(21) == 42


def test_threads_may_make_the_first_call_together() -> None:
    names: dict[str, Any] = {"__name__": "in threads"}
    exec("def total(x):\n t = 0.0\n for v in x: t += v\n return t", names)
    total = compiled.compiled("f8[n] -> f8")(names["total"])
    both, found = threading.Barrier(4, timeout=60), {}

    def call(k: int) -> None:
        both.wait()
        found[k] = [total(np.full(n, float(k))) for n in range(200)]

    threads = [threading.Thread(target=call, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert found == {k: [float(k * n) for n in range(200)] for k in range(4)}


def _bits(x: Any, y: Any) -> list[str]:
    return [float(value).hex() for value in between(x, y).values()]


def _bits_of_python(x: Any, y: Any, *, but: str = "") -> list[str]:
    """The kernels run in Python, except one."""
    call = Kernel.__call__

    def in_python(kernel: Kernel, *arguments: Any) -> Any:
        name = kernel.function.__name__
        return call(kernel, *arguments) if name == but else kernel.function(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Kernel, "__call__", in_python)
        return _bits(x, y)


numbers = st.integers(-40, 40)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=40), st.sampled_from([1, 1 / 7]))
@settings(deadline=None, max_examples=60)
def test_machine_code_gives_the_bits_of_python(pairs: list[tuple[int, int]], scale: float) -> None:
    x, y = np.array(pairs).T * scale
    assert _bits(x, y) == _bits_of_python(x, y, but="_hsic")  # a second in Python, however few numbers there are


def test_machine_code_of_hsic_gives_the_bits_of_python() -> None:
    x, y = np.random.default_rng(0).standard_normal((2, 50))
    assert _bits(x, y) == _bits_of_python(x, y)


# --- what is kept -----------------------------------------------------------------------------------------------------

CODE = """
import sys
from pathlib import Path
from gistchain.disk import kept
folder = Path(sys.argv[1])
kept._folders = lambda _beside: iter([folder / "absent" / "further", folder])
(folder / "absent").touch()
if sys.argv[2:] == ["full"]:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
from gistchain.rareness import measures
x = [[(i * i * k) % 31 / 7 for i in range(100)] for k in (1, 3, 11)]
found = *measures.pearson(x[0], x), *measures.pearson_within(x[0], x)
print([float(v).hex() for v in found], "numba" in sys.modules)
"""


def _process(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", CODE, str(folder), *words], stdout=subprocess.PIPE, text=True
    )


def _found(process: subprocess.Popen[str]) -> tuple[str, bool]:
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    bits, _, compiled_here = printed.strip().rpartition(" ")
    return bits, compiled_here == "True"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder in which two first processes kept the same kernels at the same time, and the bits that they found."""
    folder = tmp_path_factory.mktemp("kept")
    both = [_process(folder), _process(folder)]
    (bits, first), (same_bits, second) = (_found(process) for process in both)
    assert bits == same_bits
    assert first
    assert second
    return folder, bits


def test_a_later_process_has_the_same_bits_without_numba(filled: tuple[Path, str]) -> None:
    folder, bits = filled
    assert _found(_process(folder)) == (bits, False)
    assert len(list(folder.glob("*.kept"))) == 1


def test_a_damaged_file_is_compiled_anew(filled: tuple[Path, str]) -> None:
    folder, bits = filled
    (path,) = folder.glob("*.kept")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert _found(_process(folder)) == (bits, True)
    assert _found(_process(folder)) == (bits, False)


@pytest.mark.skipif(sys.platform == "win32", reason="limits are set with resource, which Windows lacks")
def test_where_nothing_can_be_kept_the_bits_are_the_same(filled: tuple[Path, str], tmp_path: Path) -> None:
    assert _found(_process(tmp_path, "full")) == (filled[1], True)
    assert not list(tmp_path.glob("*.kept"))


def test_the_key_names_constants_functions_and_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = compiled._MODULES[information.__name__].kernels
    keys = [objectfile.key(kernels)]
    with monkeypatch.context() as patch:
        patch.setattr(information, "BINS", 8)
        keys.append(objectfile.key(kernels))
    with monkeypatch.context() as patch:
        patch.setattr(information, "normalised", _scaled)
        keys.append(objectfile.key(kernels))
    with monkeypatch.context() as patch:
        patch.setenv("NUMBA_OPT", "1")
        keys.append(objectfile.key(kernels))
    assert len(set(keys)) == 4
    assert objectfile.key(kernels) == keys[0]
