"""What the core weighs once installed: every distribution in a fresh environment.

python -m benchmarks.install_size
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from benchmarks import report

# Runs inside the fresh environment: name, version and bytes on disk of each distribution.
_WEIGH = """
import importlib.metadata as m, json
found = []
for d in m.distributions():
    files = [d.locate_file(f) for f in d.files or []]
    found.append([d.metadata["Name"], d.version, sum(f.stat().st_size for f in files if f.is_file())])
print(json.dumps(found))
"""

if __name__ == "__main__":
    root = Path(__file__).parents[1]
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / "bin" / "python")
        pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        subprocess.run([*pip, "-r", str(root / "requirements" / "core.txt")], check=True)
        subprocess.run([*pip, "--no-deps", str(root)], check=True)
        found = json.loads(subprocess.run([python, "-c", _WEIGH], check=True, capture_output=True, text=True).stdout)
        everything = sum(f.stat().st_size for f in Path(folder).rglob("*") if f.is_file() and not f.is_symlink())
    packages = [
        {"name": name, "version": version, "bytes": size}
        for name, version, size in sorted(found, key=lambda row: -row[2])
        if name not in ("pip", "setuptools")
    ]
    total = sum(p["bytes"] for p in packages)
    print(f"{total / 1e6:.0f} MB in {len(packages)} packages; with pip and compiled files {everything / 1e6:.0f} MB")
    figures = {"bytes": total, "environment_bytes": everything, "packages": packages, "python": sys.version.split()[0]}
    report.write("install_size", figures=figures, data="requirements/core.txt and gistchain itself")
