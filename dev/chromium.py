"""Finds the browser of the journeys and of the pictures."""

import os
import shutil


class ChromiumMissingError(Exception):
    """The message is the sentence to show."""


def find_chromium() -> str:
    name = os.environ.get("CHROMIUM", "").strip() or "chromium"
    path = shutil.which(name)
    if not path:
        raise ChromiumMissingError(
            f"There is no {name!r} here: the browser journeys need Chromium. "
            "Install the package chromium, or name one with CHROMIUM=…"
        )
    return path
