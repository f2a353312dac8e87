"""Pairings that are loaded late are those of py_ecc, and the chain's virtual machine checks them as it always did."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from gistchain.ledger.pairings import FUNCTIONS, deferred

_COMPUTED = """
import contextlib, importlib, sys
from gistchain.ledger.pairings import FUNCTIONS, deferred
before, names = list(sys.meta_path), sorted(FUNCTIONS)
with {how}():
    both = [(importlib.import_module(name.rpartition(".")[0]), importlib.import_module(name)) for name in names]
assert sys.meta_path == before
waits = ["ate_loop_count" not in vars(pairing) for _, pairing in both]
for name, (curve, pairing), waited in zip(names, both, waits, strict=True):
    assert "def pairing" in pairing.__loader__.get_source(name)
    # The one that is not optimised needs six seconds for a pairing, and none where a point is at infinity.
    two = curve.G2 if "optimized" in name else curve.Z2
    found = curve.pairing(two, curve.multiply(curve.G1, 3))
    code = [vars(pairing)[function].__code__ for function in FUNCTIONS[name]]
    print(waited, found, [(one.co_filename, one.co_firstlineno, one.co_code) for one in code])
    print(pairing.ate_loop_count, hasattr(pairing, "no such name"), pairing.pairing.__module__)
"""
_GENERATORS = bytes.fromhex(  # of bn128, G1 then G2, as EIP-197 lays them out
    "0000000000000000000000000000000000000000000000000000000000000001"
    "0000000000000000000000000000000000000000000000000000000000000002"
    "198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2"
    "1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed"
    "090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b"
    "12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa"
)
_MINUS_G1 = bytes.fromhex(
    "0000000000000000000000000000000000000000000000000000000000000001"
    "30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd45"
)


def _run(program: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_a_deferred_pairing_is_the_same_as_one_that_was_loaded_at_once() -> None:
    deferred, at_once = (_run(_COMPUTED.format(how=how)) for how in ("deferred", "contextlib.nullcontext"))
    assert len(deferred) == len(at_once) == 2 * len(FUNCTIONS)
    for k, module in enumerate(sorted(FUNCTIONS)):
        (late, known), (early, known_too) = deferred[2 * k : 2 * k + 2], at_once[2 * k : 2 * k + 2]
        assert late.startswith("True "), module
        assert early.startswith("False "), module
        assert late.removeprefix("True ") == early.removeprefix("False "), module
        assert known == known_too == f"{known.split()[0]} False {module}"


def test_the_program_that_uses_us_imports_as_it_did_before() -> None:
    program = (
        "import importlib, sys\nbefore = list(sys.meta_path)\nimport gistchain.ledger.evm\n"
        f"for name in {sorted(FUNCTIONS)}:\n"
        "    print(sys.meta_path == before, hasattr(importlib.import_module(name), 'ate_loop_count'))\n"
        "    print('ate_loop_count' in vars(sys.modules[name]))"
    )
    assert _run(program) == ["True True", "True"] * len(FUNCTIONS)


def test_a_function_that_a_release_dropped_is_missing_and_no_endless_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_changed_module.py").write_text("def here():\n    return 7\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(FUNCTIONS, "a_changed_module", ("here", "dropped"))
    with deferred():
        module = importlib.import_module("a_changed_module")
    dropped = module.dropped
    for _ in range(2):
        with pytest.raises(AttributeError, match="has no attribute 'dropped'"):
            dropped()
        assert module.here() == 7
        importlib.reload(module)
    assert not hasattr(module, "dropped")
    del sys.modules["a_changed_module"]


def test_opening_a_chain_computes_no_tables_of_pairings(tmp_path: Path) -> None:
    loaded = _run(
        "import sys, pathlib\nfrom gistchain.ledger.evm import open_embedded\nbefore = list(sys.meta_path)\n"
        f"open_embedded(pathlib.Path({str(tmp_path)!r})).close()\nassert sys.meta_path == before\n"
        f"print([name for name in {sorted(FUNCTIONS)} if 'ate_loop_count' in vars(sys.modules.get(name, sys))])"
    )
    assert loaded == ["[]"]


def test_the_virtual_machine_still_checks_pairings() -> None:
    """EIP-197: e(G1, G2) * e(-G1, G2) is 1, e(G1, G2) alone is not."""
    from eth.precompiles.ecpairing import _ecpairing

    from gistchain.ledger import pyevm  # noqa: F401  # its libraries are what is tested

    g2 = _GENERATORS[64:]
    assert _ecpairing(_GENERATORS + _MINUS_G1 + g2)
    assert not _ecpairing(_GENERATORS)
