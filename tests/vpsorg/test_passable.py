import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlpanel.lib.secret import Secret
from controlpanel.vpsorg import read
from controlpanel.vpsorg.read import passable

TOKEN = Secret("vps_sandbox_acme_owner_0001")
NAMES = [
    "password", "Password", "PASS_WORD", "passwd", "pass_w", "passphrase", "pass_phrase",
    "rootpass", "root_pass", "Root_Pass", "secret", "client_secret", "privatekey", "PRIVATE_KEY",
]  # fmt: skip


def test_it_passes_on_what_is_harmless_as_it_came() -> None:
    content = b'{ "id" :1,"name":"web" , "pass":"x", "key": [1.0, 1e2] }'
    assert passable(content, TOKEN) == content


@pytest.mark.parametrize("name", NAMES)
def test_no_secret_passes(name: str) -> None:
    content = json.dumps({"id": 1, name: "R00t-canary"}).encode()
    assert json.loads(passable(content, TOKEN)) == {"id": 1}


@given(st.text(alphabet="pasPASwordhreitvcky_-x", max_size=20))
def test_whatever_is_taken_for_a_secrets_name_is_looked_for(name: str) -> None:
    if re.search(read._SECRET_KEY, name):
        assert read._may_hold_a_secret(name.encode())
