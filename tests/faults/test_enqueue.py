"""What the web process enqueues reaches the workers."""

import os
import subprocess
import sys

from tests.architecture.tree import ROOT

WEB_PROCESS = """
import sys, types
startup = types.ModuleType("startup")
startup.exit_unless_ready = lambda _process: None  # its database is another test's
sys.modules["controlpanel.runtime.readiness"] = startup
import controlpanel.wsgi
from celery import current_app
print(current_app.main, current_app.conf.broker_url)
"""


def test_the_web_process_knows_where_the_workers_listen() -> None:
    address = "redis://127.0.0.1:1/0"
    said = subprocess.run(
        [sys.executable, "-c", WEB_PROCESS],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "controlpanel.settings",
            "REDIS_URL": address,
        },
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.split() == ["controlpanel", address]
