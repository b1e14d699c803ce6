"""Environments for programs of others, apart from the panel's own, for tests and benchmarks."""

import fcntl
import shutil
import subprocess
import venv
from hashlib import sha256
from pathlib import Path


def python_with(requirements: Path, folder: Path) -> Path:
    """The Python of an environment in `folder` that holds exactly these pins; made if it does not.

    Of several that ask at once the first makes it, and the others wait.
    """
    python = folder / "bin" / "python"
    stamp = folder / "pins.stamp"
    wanted = sha256(requirements.read_bytes()).hexdigest()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
            print(f"Installing {requirements.name} into {folder} …", flush=True)
            shutil.rmtree(folder, ignore_errors=True)
            venv.create(folder, with_pip=True)
            command = [str(python), "-m", "pip", "install", "--quiet", "--require-hashes"]
            # All are named, and an older pip does not find `one` where something needs `one[x]`.
            command += ["--no-deps", "--no-input", "--disable-pip-version-check"]
            command += ["-r", str(requirements)]
            subprocess.run(command, check=True)
            stamp.write_text(wanted, encoding="utf-8")
    return python
