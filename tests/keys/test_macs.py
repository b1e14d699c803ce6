import re
from pathlib import Path

import pytest

from controlpanel.keys import macs, ring
from controlpanel.keys.ring import KeyRing, KeysNotReady
from tests.keys.conftest import replace, with_second


def test_the_same_key_and_data_give_the_same_mac() -> None:
    key_id, first = macs.mac("audit-mac", b"data")
    assert macs.mac("audit-mac", b"data", key_id) == (key_id, first)
    assert macs.mac("audit-mac", b"datb")[1] != first
    assert macs.mac("fingerprint", b"data")[1] != first


def test_an_older_key_still_proves_what_it_signed(own_ring: KeyRing, ring_file: Path) -> None:
    old = macs.mac("audit-mac", b"data")
    replace(ring_file, with_second(own_ring, "audit-mac"))
    assert macs.mac("audit-mac", b"data")[0] == "audit-mac-2"
    assert macs.mac("audit-mac", b"data", "audit-mac-1") == old


@pytest.mark.parametrize("key_id", ["audit-mac-9", "fingerprint-1", ""])
def test_it_refuses_a_key_it_has_not_got_for_this_purpose(key_id: str) -> None:
    with pytest.raises(KeysNotReady):
        macs.mac("audit-mac", b"data", key_id)


def test_a_fingerprint_is_short_and_tells_nothing(own_ring: KeyRing, ring_file: Path) -> None:
    name = macs.fingerprint("vps_token_one")
    assert re.fullmatch(r"[0-9a-f]{4}(-[0-9a-f]{4}){2}", name)
    assert macs.fingerprint("vps_token_one") == name
    assert macs.fingerprint("vps_token_two") != name
    replace(ring_file, ring.new())
    assert macs.fingerprint("vps_token_one") != name
