"""The gateway beside what else could stand in front of the provider, and the provider itself.

`make bench-gateway` starts a provider (nginx with fixed answers), nginx as a proxy,
django-revproxy, a bare Django view over requests.Session (the floor) and the panel's own process on
SQLite and on PostgreSQL, and asks them in turn with wrk. It needs nginx and wrk (Debian packages)
and takes a quarter of an hour; ARGS=--short shows in a few minutes that it runs.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import dj_database_url

from benchmarks.audit_writing import peers_python
from dev.postgres import temporary_postgres
from dev.probes import answers
from dev.valkey import Valkey, free_port
from tests.gateway.serving import WebProcess

ROOT = Path(__file__).resolve().parent.parent
CONNECTIONS: Final = (1, 8, 32)
SERVERS: Final = 60_000
FIRST: Final = 20_000
LISTED: Final = 50
# What recording a change costs whoever does it with Django, without anything of the panel's.
RECORDING: Final = "floor that records, PostgreSQL"

_SERVER: Final = (
    '{"id": %s, "name": "server-%s", "hostname": "server-%s.example.com", "status": "active", '
    '"ip_address": "198.51.100.7", "ipv6_address": "2001:db8::7", "location": "us-west", '
    '"plan": {"id": 1, "name": "Standard VPS", "vcpus": 2, "memory": 4096, "storage": 80, '
    '"bandwidth": 4000}, "os": {"id": 5, "name": "Ubuntu 22.04 LTS"}, "backups_enabled": true, '
    '"usage": {"cpu_percent": 12.5, "memory_used": 2048, "disk_used": 31, "bandwidth_used": 512}, '
    '"created_at": "2026-01-15T10:30:00Z", "updated_at": "2026-06-01T08:00:00Z"}'
)
_REBOOTED: Final = (
    '{"status": "success", "message": "Server reboot initiated", '
    '"server": {"id": $1, "name": "server", "status": "rebooting"}}'
)
_NGINX: Final = """
daemon off; worker_processes 1; pid %(folder)s/pid; error_log %(folder)s/error.log;
events { worker_connections 1024; }
http {
  access_log off; default_type application/json;
  keepalive_requests 100000000; keepalive_timeout 300;
  client_body_temp_path %(folder)s/1; proxy_temp_path %(folder)s/2; fastcgi_temp_path %(folder)s/3;
  uwsgi_temp_path %(folder)s/4; scgi_temp_path %(folder)s/5;
  upstream provider { server 127.0.0.1:%(port)d; keepalive 64; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:%(port)d; root %(folder)s;
    location ~ "^/api/v1/servers/([0-9]+)/reboot/$" { return 200 '%(rebooted)s'; }
    location ~ "^/api/v1/servers/([0-9]+)/$" { try_files /one.json =404; }
    location = /api/v1/servers/ { try_files /list.json =404; }
  }
  server {
    listen 127.0.0.1:%(proxy)d;
    location / {
      proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection "";
    }
  }
}
"""
_WRK: Final = """
local changing, next_id = false, 0
init = function(args)
  wrk.headers["Authorization"] = "Bearer " .. args[1]
  changing, next_id = args[3] == "reboot", tonumber(args[4])
  wrk.method, wrk.path = changing and "POST" or "GET", args[2]
  fixed = wrk.format()
end
request = function()
  if not changing then return fixed end
  next_id = next_id + 1
  return wrk.format("POST", "/api/v1/servers/" .. next_id .. "/reboot/")
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('RESULT {"requests": %d, "seconds": %f, "p50": %f, "p99": %f, "bad": %d}',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True, slots=True)
class Subject:
    name: str
    url: str
    key: str = "vps_sandbox_acme_owner_0001"


@dataclass(frozen=True, slots=True)
class Load:
    name: str
    path: str
    change: bool = False

    def covers(self, subject: Subject) -> bool:
        return subject.name not in ({"direct", "nginx"} if self.change else {RECORDING})


LOADS: Final = (
    Load("one server", f"/api/v1/servers/{FIRST}/"),
    Load(f"a list of {LISTED}", "/api/v1/servers/"),
    Load("a change", "", change=True),
)


@dataclass(frozen=True, slots=True)
class Figures:
    rate: float
    p99: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.gateway", description=__doc__)
    parser.add_argument("--short", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--rounds", type=int, default=0)
    given = parser.parse_args()
    missing = [name for name in ("nginx", "wrk") if not shutil.which(name, path=_path())]
    if missing:
        parser.error(f"Install {' and '.join(missing)} first (apt-get install nginx-light wrk).")
    rounds, seconds = (2, 1) if given.short else (5, 3)
    with ExitStack() as stack:
        subjects = list(_started(stack))
        taken: dict[tuple[str, str, int], list[Figures]] = {}
        used = FIRST
        for load in LOADS:
            for subject in subjects:
                if load.covers(subject):
                    _ask(subject, load, 4, 2, used)  # warm
                    used += 800 * load.change
        for _round in range(given.rounds or rounds):
            for load in LOADS:
                for connections in CONNECTIONS:
                    for subject in subjects:
                        if load.covers(subject):
                            figures = _ask(subject, load, connections, seconds, used)
                            used += 400 * seconds * load.change  # each changes servers of its own
                            taken.setdefault((load.name, subject.name, connections), []).append(
                                figures
                            )
    return 0 if _show(subjects, taken) else 1


def _ask(subject: Subject, load: Load, connections: int, seconds: int, first_id: int) -> Figures:
    script = ROOT / "var" / "benchmark-gateway.lua"
    script.parent.mkdir(exist_ok=True)
    script.write_text(_WRK, encoding="utf-8")
    command = f"wrk -t1 -c{connections} -d{seconds}s --timeout 30s -s".split()
    command += [str(script), subject.url, "--", subject.key, load.path or "/"]
    command += ["reboot" if load.change else "", str(first_id)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "PATH": _path()}
    )
    found = json.loads(done.stdout.partition("RESULT ")[2])
    if found["bad"]:
        raise SystemExit(f"{subject.name}, {load.name}: {found['bad']} were not answered well.")
    return Figures(found["requests"] / found["seconds"], found["p99"] / 1000)


def _show(subjects: list[Subject], taken: dict[tuple[str, str, int], list[Figures]]) -> bool:
    good = True
    for load in LOADS:
        print(f"\n{load.name}, requests a second (ratio to the floor; p99 and its ratio)\n")
        print("| |" + "".join(f" {number} |" for number in CONNECTIONS))
        print("| --- |" + " ---: |" * len(CONNECTIONS))
        for subject in subjects:
            if not load.covers(subject):
                continue
            cells = []
            for connections in CONNECTIONS:
                ours = _median(taken[load.name, subject.name, connections])
                floor = _median(taken[load.name, "floor", connections])
                rate, p99 = ours.rate / floor.rate, ours.p99 / floor.p99
                cells.append(f" {ours.rate:.0f} ({rate:.2f}; {ours.p99:.1f} ms, {p99:.2f}) |")
                if subject.name.startswith("panel"):
                    good &= rate >= (0.5 if load.change else 1.0) and p99 <= 2
            print(f"| {subject.name} |{''.join(cells)}")
    return good


def _median(figures: list[Figures]) -> Figures:
    return Figures(
        statistics.median(one.rate for one in figures),
        statistics.median(one.p99 for one in figures),
    )


def _started(stack: ExitStack) -> Iterator[Subject]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="panel-bench-")))
    peers = peers_python(ROOT / "var" / "benchmark-peers")
    provider, proxy = free_port(), free_port()
    stack.enter_context(_nginx(folder, provider, proxy))
    upstream = f"http://127.0.0.1:{provider}"
    yield Subject("direct", upstream)
    yield Subject("nginx", f"http://127.0.0.1:{proxy}")
    for peer in ("revproxy", "floor"):
        name = "django-revproxy" if peer == "revproxy" else peer
        yield Subject(name, stack.enter_context(_peer(peers, peer, upstream)))
    postgres = stack.enter_context(temporary_postgres())
    yield Subject(RECORDING, stack.enter_context(_peer(peers, "recording", upstream, postgres)))
    databases = {"SQLite": "", "PostgreSQL": postgres}
    for name, address in databases.items():
        valkey = Valkey(folder)
        stack.enter_context(_running(valkey.command, valkey.port, said=valkey.configuration))
        web = stack.enter_context(
            WebProcess(
                folder / name,
                upstream,
                REDIS_URL=valkey.url,
                SEED_SERVERS=str(SERVERS),
                PANEL_GATEWAY_RATE="1000000",
                PANEL_GATEWAY_BURST="1000000",
                **({"DATABASE_URL": address} if address else {}),
            )
        )
        yield Subject(f"panel, {name}", web.url, web.key)


@contextmanager
def _nginx(folder: Path, provider: int, proxy: int) -> Iterator[None]:
    (folder / "one.json").write_text(_SERVER % (FIRST, FIRST, FIRST), encoding="utf-8")
    listed = ", ".join(_SERVER % ((FIRST + number,) * 3) for number in range(LISTED))
    body = f'{{"count": {LISTED}, "results": [{listed}]}}'
    (folder / "list.json").write_text(body, encoding="utf-8")
    folder.chmod(0o755)
    values = {"folder": folder, "port": provider, "proxy": proxy, "rebooted": _REBOOTED}
    (folder / "nginx.conf").write_text(_NGINX % values, encoding="utf-8")
    with _running([shutil.which("nginx", path=_path()), "-c", folder / "nginx.conf"], provider):
        yield


@contextmanager
def _peer(python: Path, peer: str, upstream: str, database: str = "") -> Iterator[str]:
    port = free_port()
    command = [python, "-m", "gunicorn", "benchmarks.gateway_peers:application"]
    command += [f"--bind=127.0.0.1:{port}", "--workers=1", "--threads=8", "--no-control-socket"]
    environment = {
        "BENCHMARK_PEER": peer,
        "BENCHMARK_UPSTREAM": upstream,
        "BENCHMARK_DATABASE": json.dumps(
            dj_database_url.parse(database, conn_max_age=None) if database else {}
        ),
    }
    with _running([*command, "--keep-alive=30", "--log-level=warning"], port, environment):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _running(
    command: Sequence[object], port: int, environment: dict[str, str] | None = None, said: str = ""
) -> Iterator[None]:
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdin
        process.stdin.write(said)
        process.stdin.close()
        ends = time.monotonic() + 20
        while not answers(port):
            if process.poll() is not None or time.monotonic() > ends:
                raise SystemExit(f"{command[0]} did not start.")
            time.sleep(0.05)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()


def _path() -> str:
    return os.environ.get("PATH", "") + ":/usr/sbin"


if __name__ == "__main__":
    sys.exit(main())
