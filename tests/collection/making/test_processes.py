"""Several processes share the work, and none of them hears of Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from gistchain.collection.making.processes import spread

ROOT = Path(__file__).parents[3]


def _nothing() -> None:
    pass


def _met(work: tuple[Path, int]) -> tuple[int, bool]:
    """Waits for all processes to be here, so that each has a part; says who it is and whether it was born deaf."""
    folder, many = work
    (folder / str(os.getpid())).touch()
    while len(list(folder.iterdir())) < many:
        time.sleep(0.01)
    return os.getpid(), signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_every_process_is_deaf_to_ctrl_c_from_birth_and_this_one_is_not(tmp_path: Path) -> None:
    done = list(spread(_met, [(tmp_path, 3)] * 8, jobs=3, begin=_nothing, started=()))
    assert len({process for process, _ in done}) == 3
    assert all(deaf for _, deaf in done)
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_ctrl_c_while_processes_start_shows_no_traceback(tmp_path: Path) -> None:
    """Each child says that it starts, and waits, before it comes to any code of ours: then Ctrl-C is pressed."""
    born, go = tmp_path / "born", tmp_path / "go"
    os.mkfifo(born)
    os.mkfifo(go)
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
        import sys
        if __name__ == "__mp_main__":  # as spawned processes import it, first of all
            with open({str(born)!r}, "wb", buffering=0) as said:
                said.write(b"x")
            open({str(go)!r}, "rb", buffering=0).read(1)
        else:
            import signal
            from gistchain.collection.making.processes import spread
            signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background is started deaf
            try:
                for _ in spread(abs, [1, 2, 3, 4], jobs=2, begin=int, started=()):
                    pass
            except KeyboardInterrupt:
                print("interrupted")
        """),
        "utf-8",
    )
    command = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, start_new_session=True,
    )  # fmt: skip
    started = b""
    with born.open("rb", buffering=0) as heard:
        while len(started) < 2:
            started += heard.read(1) or b""
    os.killpg(command.pid, signal.SIGINT)
    with go.open("wb", buffering=0) as gate:
        gate.write(b"xx")
        out, told = command.communicate(timeout=120)
    assert (out, told, command.returncode) == ("interrupted\n", "", 0)
