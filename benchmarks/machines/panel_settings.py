"""For the process that measures the panel's own log: its settings, and the watched row."""

import json
import os

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS

DATABASES = {"default": json.loads(os.environ["BENCHMARK_DATABASE"])}
INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks.machines"]
