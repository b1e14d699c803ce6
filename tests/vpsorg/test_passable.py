"""What passes of an answer, to pages and scripts alike: all of it but secrets and tokens."""

import json

import pytest

from controlpanel.lib.secret import Secret
from controlpanel.vpsorg.read import Unreadable, passable, tree

TOKEN = Secret("vps_sandbox_acme_owner_0001")
BARE = Secret("canary-token-without-shape")


@pytest.mark.parametrize(
    "content",
    [
        '{ "id" :1,"name":"web" , "pass":"x", "key": [1.0, 1e2] }',
        '{"price": 1e400, "hourly": 0.00700000000000000001, "n": -0, "big": 123456789012345678901}',
        '{"long": ' + "9" * 6000 + "}",
        '{"status": "active", "password_auth": "active"}',
        '{"status": "active", "password_changed_at": "2026-01-01T00:00:00Z", "n": 1e400}',
        '{"ssh_key": "ssh-ed25519 AAAA", "key_name": "laptop", "token_count": 3}',
        '{"account": {"email": "a@b.c"}, "token": {"name": "panel", "permissions": ["*:*"]}}',
        '{"url": "https:\\/\\/example.com", "name": "\\u00fc", "b": "\\ud83d\\ude00"}',
        '{"note": "{\\"password\\": \\"hunter22\\"}"}',  # a text is a text
        '{"message": "The password is shown once."}',
        '{"a": 1, "a": 2}',
        '["password", "secret"]',
        '"just text"',
        "[]",
    ],
)
def test_what_is_harmless_passes_as_it_came(content: str) -> None:
    assert passable(content.encode(), TOKEN) == content.encode()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"id": 1, "password": "R00t", "n": 1e400}', '{"id": 1, "n": 1e400}'),
        ('{"password": "active", "status": "active"}', '{"status": "active"}'),
        ('{"status": "active", "password": "a"}', '{"status": "active"}'),
        ('{"a": {"b": [{"root_password": "x", "c": 0.10}]}}', '{"a": {"b": [{"c": 0.10}]}}'),
        ('{"password": "x", "id": 1, "password": "y"}', '{"id": 1}'),
        ('{"pass\\u0077ord": "x", "id": 1}', '{"id": 1}'),
        ('{"\\u0070\\u0061ssword": "x"}', "{}"),
        ('{"PASSWORD": "x", "Secret": {"v": 1}, "id": 1}', '{"id": 1}'),
        ('{"passwords": ["x", {"y": "z"}], "id": 1}', '{"id": 1}'),
        ('{"password": null, "id": 1}', '{"id": 1}'),
        ('{"password": 12345678, "id": 1}', '{"id": 1}'),
        ('{"password":"a\\"b}","id":1}', '{"id":1}'),
        ('{"token": "anything", "id": 1}', '{"id": 1}'),
        ('[{"api_key": "x"}, 1.50]', "[{}, 1.50]"),
        (
            '{"id": 1, "message": "R00t", "password": "R00t"}',
            '{"id": 1, "message": "R00t"}',
        ),
    ],
)
def test_members_that_name_a_secret_are_cut_out(content: str, expected: str) -> None:
    assert passable(content.encode(), TOKEN).decode() == expected
    assert tree(content.encode(), TOKEN) == tree(expected.encode(), TOKEN)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            '{"m": "with vps_sandbox_acme_owner_0001", "n": 1e400}',
            '{"m": "with [redacted]", "n": 1e400}',
        ),
        ('{"m": "vps_somebody_elses"}', '{"m": "[redacted]"}'),
        ('{"m": "vp\\u0073_somebody_elses", "n": 2.50}', '{"m": "[redacted]", "n": 2.50}'),
        ('{"m": ["vpp_a_panel_key"]}', '{"m": ["[redacted]"]}'),
        ('{"vps_somebody_elses": 1}', '{"[redacted]": 1}'),
        ('{"m": "Bearer canary-token-without-shape"}', '{"m": "Bearer [redacted]"}'),
        ('{"m": "canary\\u002dtoken-without-shape"}', '{"m": "[redacted]"}'),
        ('"canary-token-without-shape"', '"[redacted]"'),
        ('{"m": "vps_1 vps vpp_ü"}', '{"m": "vps_1 vps vpp_ü"}'),
        ('{"m": "token-without-shape"}', '{"m": "token-without-shape"}'),
    ],
)
def test_tokens_are_replaced_wherever_they_stand(content: str, expected: str) -> None:
    token = BARE if "shape" in content else TOKEN
    assert passable(content.encode(), token).decode() == expected
    assert tree(content.encode(), token) == json.loads(expected) or "1e400" in expected


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_another_encoding_hides_nothing(encoding: str) -> None:
    content = '{"id": 1, "password": "R00t", "m": "vps_somebody_elses"}'.encode(encoding)
    assert passable(content, TOKEN) == b'{"id": 1, "m": "[redacted]"}'


@pytest.mark.parametrize(
    "content",
    [
        b'{"n": NaN}', b'{"n": Infinity}', b'{"n": [-Infinity]}', b"NaN", b'{"password": NaN}', b"",
        b"{", b'{"a": 1,}', b'{"a": 01}', b"\xff", b'{"a": "\n"}', b"{'a': 1}", b'{"a": 1} {}',
    ],
)  # fmt: skip
def test_what_is_no_json_passes_nowhere(content: bytes) -> None:
    for read in (passable, tree):
        with pytest.raises(Unreadable):
            read(content, TOKEN)
