"""An auditor takes a bundle out, and checks it in a shell with plain python3."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Download, Page

from tests.e2e.doing import AUDIT

pytestmark = pytest.mark.e2e


def bundle_from(page: Page) -> Download:
    """At once; or prepared, where a checkpoint was signed within the last minute."""
    with page.expect_download(timeout=100_000) as download:
        page.get_by_role("region", name="Bundle").get_by_role("button", name="Download").click()
        page.wait_for_timeout(1000)
        if re.search(r"/export/[0-9a-f-]{36}/$", page.url):
            link = page.get_by_role("link", name="Download")
            while not link.is_visible():
                page.wait_for_timeout(1000)
                page.reload()
            link.click()
    return download.value


@pytest.mark.parametrize("javascript", [True, False])
def test_a_bundle_from_the_page_proves_itself(visit, tmp_path: Path, javascript: bool):
    page = visit("auditor", javascript=javascript)
    page.goto(f"{AUDIT}?target=Acme")
    page.get_by_role("link", name="Export").click()
    hash_on_the_page = page.locator(".with-copy .mono").inner_text()
    with zipfile.ZipFile(bundle_from(page).path()) as archive:
        archive.extractall(tmp_path)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "verify.py"],
        cwd=tmp_path, env={}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "are the complete history of account" in done.stdout
    shown = subprocess.run(
        ["sha256sum", "verify.py"], cwd=tmp_path, capture_output=True, check=True
    )
    assert shown.stdout.decode().startswith(hash_on_the_page)
    page.goto(f"{AUDIT}?action=audit.exported")
    assert "exported" in page.locator("main").inner_text()
