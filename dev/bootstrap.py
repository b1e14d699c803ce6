"""Makes `.venv` hold exactly the pinned requirements, then becomes the program asked for.

Runs on the machine's own Python before anything is installed: standard library only.
A stamp is written after a complete install and names what was installed; anything else found
(none, another one, a half-made tools layer) means the environment is made again.
"""

import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
SHOWN_ON_FAILURE = 15


class BootstrapError(Exception):
    """The message is the sentence to show."""


class Layer:
    def __init__(self, root: Path, name: str, requirements: str) -> None:
        self.venv = root / ".venv"
        self.requirements = root / requirements
        self.stamp = self.venv / f"{name}.stamp"
        self.started = self.venv / f"{name}.started"

    def wanted(self) -> str:
        digest = hashlib.sha256(self.requirements.read_bytes()).hexdigest()
        # Scripts of an environment name its folder: a moved checkout needs a new one.
        return f"{digest} {sys.version_info[:3]} {self.venv}\n"

    def is_complete(self) -> bool:
        try:
            return self.stamp.read_text(encoding="utf-8") == self.wanted()
        except OSError:
            return False

    def is_half_made(self) -> bool:
        return self.started.exists() and not self.is_complete()

    def install(self) -> None:
        self.stamp.unlink(missing_ok=True)
        self.started.touch()
        pip_install(self.venv / "bin" / "python", self.requirements)
        self.stamp.write_text(self.wanted(), encoding="utf-8")
        self.started.unlink()


def layers(root: Path) -> tuple[Layer, Layer]:
    return Layer(root, "panel", "requirements.txt"), Layer(root, "tools", "requirements-dev.txt")


def ensure(root: Path, *, tools: bool) -> None:
    panel, tool_layer = layers(root)
    tools_outdated = tool_layer.stamp.exists() and not tool_layer.is_complete()
    if not panel.is_complete() or tool_layer.is_half_made() or (tools and tools_outdated):
        make_venv(panel.venv)
        panel.install()
    if tools and not tool_layer.is_complete():
        tool_layer.install()


def make_venv(venv: Path) -> None:
    say(f"Making {venv} …")
    shutil.rmtree(venv, ignore_errors=True)
    code, output = run([sys.executable, "-m", "venv", str(venv)])
    if code:
        raise BootstrapError(
            f"A virtual environment could not be made:\n{last_lines(output)}\n"
            "On Debian and Ubuntu the package python3-venv brings what is missing."
        )


def pip_install(python: Path, requirements: Path) -> None:
    total = count_pins(requirements.read_text(encoding="utf-8"))
    say(f"Installing {total} packages from {requirements.name}; this takes a minute or two.")
    seen = 0

    def show(line: str) -> None:
        nonlocal seen
        name = package_in(line)
        if name:
            seen += 1
            say(f"  {seen:3} of {total}  {name}")
        elif line.startswith("Installing collected packages"):
            say("  unpacking …")

    command = [str(python), "-m", "pip", "install", "--require-hashes", "-r", str(requirements)]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    code, output = run(command, show)
    if code:
        raise BootstrapError(
            f"The packages could not be installed:\n{last_lines(output)}\n"
            "Mend that and give the same command again; nothing half-installed is used."
        )


def run(command: list[str], show: Callable[[str], None] | None = None) -> tuple[int, str]:
    """Exit code and output. Stopped meanwhile, we end the command and all it began."""
    output: list[str] = []
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            for line in process.stdout or ():
                output.append(line)
                if show:
                    show(line)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, "".join(output)


def stopped(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def count_pins(requirements: str) -> int:
    return len(re.findall(r"^[\w.\-]+==", requirements, re.MULTILINE))


def package_in(line: str) -> str:
    """The name in pip's `Collecting name==1.0`, or in a path to a file of it; else nothing."""
    words = r"[A-Za-z][\w.]*(?:-[A-Za-z][\w.]*)*"
    verbs = "Collecting|Processing|Requirement already satisfied:"
    found = re.match(rf"(?:{verbs}) (?:\S*/)?({words})", line)
    return found[1].replace("_", "-") if found else ""


def last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-SHOWN_ON_FAILURE:])


def say(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    arguments = sys.argv[1:]
    tools = arguments[:1] == ["--tools"]
    program = arguments[1:] if tools else arguments
    if sys.version_info < OLDEST:
        say(
            f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed and this is "
            f"{sys.version.split()[0]}: install python3.11 or give its path as PYTHON=…"
        )
        return 1
    signal.signal(signal.SIGTERM, stopped)
    # Two commands at once: the second waits for the first one's install.
    folder = os.open(ROOT / "dev", os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        ensure(ROOT, tools=tools)
    except BootstrapError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("Stopped; the next start installs anew.")
        return 130
    finally:
        os.close(folder)
    os.chdir(ROOT)
    python = str(ROOT / ".venv" / "bin" / "python")
    os.execv(python, [python, *program])
    raise AssertionError("execv does not return")


if __name__ == "__main__":
    sys.exit(main())
