"""An auditor takes a bundle out, and checks it in a shell with plain python3."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.e2e.doing import AUDIT

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("javascript", [True, False])
def test_a_bundle_from_the_page_proves_itself(visit, tmp_path: Path, javascript: bool):
    page = visit("auditor", javascript=javascript)
    page.goto(f"{AUDIT}?target=Acme")
    page.get_by_role("link", name="Export").click()
    hash_on_the_page = page.locator(".with-copy .mono").inner_text()
    with page.expect_download() as download:
        page.get_by_role("region", name="Bundle").get_by_role("link", name="Download").click()
    with zipfile.ZipFile(download.value.path()) as archive:
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
