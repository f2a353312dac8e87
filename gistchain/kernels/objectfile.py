"""The kernels of a module -> one object file of machine code, compiled by numba -> their addresses in this process.

What numba makes besides, wrappers for Python and checks of types, is left out: compiled.py calls the bare function.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import version
from types import FunctionType, ModuleType, NoneType
from typing import TYPE_CHECKING, Any

import numpy as np

from gistchain.errors import KernelError

if TYPE_CHECKING:
    from gistchain.kernels.compiled import Argument, Kernel

_LAYOUT = "1"
"""Part of every key: to be raised when kernels are compiled in another way."""


def key(kernels: Mapping[str, Kernel]) -> str:
    """All that the machine code follows from: the functions' bytecode, versions, the processor, numba's settings."""
    settings = sorted(item for item in os.environ.items() if item[0].startswith("NUMBA_"))
    code = [(name, kernel.takes, kernel.returns, _meaning(kernel.function)) for name, kernel in kernels.items()]
    return repr((_LAYOUT, _platform(), settings, code))


@functools.cache
def _platform() -> tuple[object, ...]:
    import llvmlite.binding as llvm

    versions = sys.version, np.__version__, version("numba"), version("llvmlite"), llvm.llvm_version_info
    return *versions, llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


def _meaning(function: FunctionType) -> tuple[object, ...]:
    """The function's bytecode, and what its constants and the functions it calls are."""
    code = function.__code__
    values = [function.__globals__.get(name) for name in code.co_names]
    constants = [value for value in values if not callable(value) and not isinstance(value, ModuleType)]
    if not all(isinstance(value, (int, float, NoneType)) for value in constants):
        raise TypeError(f"the constants of {function.__name__} are not all numbers: pass an array as an argument")
    called = [_meaning(callee) for callee in _called(function).values()]
    return code.co_code, code.co_consts, code.co_names, code.co_varnames, constants, called


def _called(function: FunctionType) -> dict[str, FunctionType]:
    """The functions of ours that it calls, by name; a kernel stands for its function."""
    values = {name: function.__globals__.get(name) for name in function.__code__.co_names}
    values = {name: getattr(value, "function", value) for name, value in values.items()}
    return {name: value for name, value in values.items() if isinstance(value, FunctionType)}


def made(kernels: Mapping[str, Kernel]) -> bytes:
    """An object file that defines each kernel under its name. Takes seconds.

    Raises KernelError where numba compiles in a way that `linked` could not use.
    """
    import llvmlite.binding as llvm

    numba: Any = import_module("numba")  # its types lack half of it
    if numba.config.DISABLE_JIT:
        raise KernelError("kernels can't be compiled: unset NUMBA_DISABLE_JIT")
    whole = llvm.parse_assembly("")
    for name, kernel in kernels.items():
        whole.link_in(_compiled(name, kernel))
    machine = _machine()
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()  # numba's wrappers
    passes.run(whole, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))
    missing = [f.name for f in whole.functions if f.is_declaration and not f.name.startswith("llvm.")]
    if set(missing) - {"sqrt"}:  # of the C library; LLVM ends the process where a name can't be found
        raise _other(f"needs {', '.join(missing)}")
    return bytes(machine.emit_object(whole))


def _compiled(name: str, kernel: Kernel) -> Any:
    """LLVM's module of one kernel, in which nothing else can be seen from outside."""
    import llvmlite.binding as llvm

    numba: Any = import_module("numba")
    dispatcher = _jitted(kernel.function)
    results = [numba.from_dtype(np.dtype(result)) for result in kernel.returns]
    returned = numba.types.none if not results else results[0] if len(results) == 1 else numba.types.Tuple(results)
    signature = returned(*map(_numba_type, kernel.takes))
    dispatcher.compile(signature)
    symbol = dispatcher.overloads[signature.args].fndesc.llvm_func_name
    module = llvm.parse_assembly(dispatcher.inspect_llvm(signature.args))
    for value in (*module.functions, *module.global_variables):
        if not value.is_declaration and value.name != symbol:
            value.linkage = "internal"
    function = module.get_function(symbol)
    types = [str(argument.type) for argument in function.arguments]
    if types != kernel.types:
        raise _other(f"passes {name} {', '.join(types)}")
    function.name = name
    return module


@functools.cache
def _jitted(function: FunctionType) -> Any:
    numba: Any = import_module("numba")
    names = function.__globals__ | {name: _jitted(callee) for name, callee in _called(function).items()}
    # _nrt=False: a kernel that needs numba's runtime is refused.
    return numba.njit(_nrt=False)(FunctionType(function.__code__, names, function.__name__))


def _numba_type(take: Argument) -> Any:
    from numba import from_dtype, types

    element = from_dtype(take.dtype)
    if take.shape is None:
        return element
    return types.Array(element, len(take.shape), "A" if take.strided else "C", readonly=not take.out)


def _other(what: str) -> KernelError:
    return KernelError(
        f"kernels can't be compiled: numba {version('numba')} {what}. Install another version of numba, such as 0.68.1"
    )


def linked(content: bytes, kernels: Mapping[str, Kernel]) -> Any:
    """An engine of llvmlite that has the object file's functions; raises RuntimeError where it lacks a kernel."""
    import llvmlite.binding as llvm

    machine = _machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(content))
    engine.finalize_object()
    lacking = [name for name in kernels if not engine.get_function_address(name)]
    if lacking:
        raise RuntimeError(f"the object file lacks {', '.join(lacking)}")
    return engine


def _machine() -> Any:
    """This processor, with the options that numba takes."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3,
        reloc="static" if target.name.startswith("x86") else "default", codemodel="jitdefault", jit=True,
    )  # fmt: skip
