"""What one read through the gateway costs of the processor, beside another state of the panel.

`python -m benchmarks.way_out /path/to/checkout/of/before` starts the web process of both, each on
SQLite and with a Valkey of its own, before one provider with fixed answers, and asks them in turn
over 8 connections. Counted is the time on the processor of the web process alone, so that whoever
asks and answers beside it does not matter. ARGS: --rounds, --reads.
"""

import argparse
import asyncio
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import psutil

ROOT: Final = Path(__file__).resolve().parent.parent
CONNECTIONS: Final = 8
MOST: Final = 1.20
PATHS: Final = ("/api/v1/servers/20000/", "/api/v1/servers/")


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.way_out", description=__doc__)
    parser.add_argument("before", type=Path, help="a checkout of the state to compare with")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--reads", type=int, default=2000, help="a round, path and state")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part == "provider":
        return asyncio.run(_provide())
    if given.part:
        return _hold(given.part)
    with ExitStack() as stack:
        upstream = stack.enter_context(_part("provider", ROOT))["url"]
        states = {
            name: stack.enter_context(_part(upstream, tree))
            for name, tree in (("before", given.before.resolve()), ("now", ROOT))
        }
        good = True
        for path in PATHS:
            taken = _measured(states, path, given.rounds, given.reads)
            before, now = (statistics.median(taken[name]) for name in states)
            good &= now <= MOST * before
            print(f"{path}: before {before:.0f} µs, now {now:.0f} µs, {now / before:.2f}")
    return 0 if good else 1


def _measured(states: dict[str, Any], path: str, rounds: int, reads: int) -> dict[str, list[float]]:
    """Microseconds on the processor a read, of each round."""
    taken: dict[str, list[float]] = {name: [] for name in states}
    for number in range(rounds + 1):
        for name, state in states.items():
            worker = psutil.Process(state["worker"])
            before = _used(worker)
            _ask(state, path, reads)
            if number:  # the first only warms
                taken[name].append((_used(worker) - before) / reads * 1e6)
    return taken


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _ask(state: Any, path: str, reads: int) -> None:
    wrong: list[int] = []

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", state["port"], timeout=30)
        for _ in range(reads // CONNECTIONS):
            connection.request("GET", path, headers={"Authorization": f"Bearer {state['key']}"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                wrong.append(answer.status)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise SystemExit(f"{len(wrong)} were answered with {sorted(set(wrong))}.")


@contextmanager
def _part(name: str, tree: Path) -> Iterator[Any]:
    """This file as a process of its own, with the modules of that checkout."""
    process = subprocess.Popen(
        [sys.executable, "-P", __file__, str(tree), "--part", name],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"{name} did not start.")
        yield json.loads(line)
    finally:
        process.stdin.close()
        process.wait(30)


def _hold(upstream: str) -> int:
    from benchmarks.gateway import FIRST, _running
    from dev.valkey import Valkey
    from tests.gateway.serving import WebProcess

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="panel-bench-")))
        valkey = Valkey(folder)
        stack.enter_context(_running(valkey.command, valkey.port, said=valkey.configuration))
        web = stack.enter_context(
            WebProcess(
                folder / "panel",
                upstream,
                REDIS_URL=valkey.url,
                SEED_SERVERS=str(FIRST // 20_000),
                PANEL_GATEWAY_RATE="1000000",
                PANEL_GATEWAY_BURST="1000000",
            )
        )
        while not psutil.Process(web.process.pid).children():
            time.sleep(0.05)
        print(
            json.dumps({"port": web.port, "key": web.key, "worker": web.worker().pid}), flush=True
        )
        sys.stdin.read()
    return 0


async def _provide() -> int:
    from benchmarks.gateway import _SERVER, FIRST, LISTED

    one = _SERVER % ((FIRST,) * 3)
    listed = ", ".join(_SERVER % ((FIRST + number,) * 3) for number in range(LISTED))
    many = f'{{"count": {LISTED}, "results": [{listed}]}}'

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                asked = await reader.readuntil(b"\r\n\r\n")
                body = (many if b"/servers/ " in asked else one).encode()
                writer.write(
                    b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\nConnection: keep-alive\r\n\r\n%s" % (len(body), body)
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(json.dumps({"url": f"http://127.0.0.1:{port}"}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    return 0


if __name__ == "__main__":
    sys.exit(main())
