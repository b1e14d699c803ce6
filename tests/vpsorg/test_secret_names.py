"""Which names say that their member holds a secret, and which only speak about one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlpanel.vpsorg.secret_names import PARTS, is_bare, names_a_secret

SECRET = [
    "password", "Password", "PASSWORD", "PASS_WORD", "passwd", "pass_w", "passphrase",
    "pass_phrase", "passcode", "rootpass", "root_pass", "Root_Pass", "root_password",
    "rootPassword", "root-password", "root password", "initialRootPassword", "password_root",
    "password1", "passwords", "password_hash", "password_plaintext", "auth_password",
    "login_password", "set_password", "reset_password", "last_password", "passwort", "pwd",
    "root_pwd", "rootPwd", "admin_pass", "db_pass", "secret", "secrets", "client_secret",
    "clientSecret", "secret_key", "secretKey", "totp_secret", "secret_access_key", "privatekey",
    "PRIVATE_KEY", "private-key", "ssh_private_key", "private_key_pem", "api_key", "apiKey",
    "APIKEY", "encryption_key", "access_token", "accessToken", "refresh_token", "console_token",
    "session_token", "vnc_password", "vncPassword", "password_reset_link", " password ",
    "root_pw", "rootpw", "RootPw", "access_key", "accessKey", "master_key", "recovery_keys",
    "service_key", "initial_pass", "tempPass", "windowsPass", "one_time_pass", "ipmi_pass",
    "bmcPass",
    "preshared_key", "preSharedKey", "shared_key", "wg_psk", "tls_key", "sslKey", "luks_key",
    "license_key", "activation-key", "passkey", "key_material", "private_pem", "sshPrivate",
    "id_token", "csrfToken", "deploy_token", "registration_token", "recovery_codes", "rescueCode",
    "otp_code", "totp_uri", "unlock_pin", "decryptKey", "SNMP_COMMUNITY", "pass\u200bword",
]  # fmt: skip
NONE = [
    "", "_", "status", "name", "hostname", "pass", "passed", "bypass", "bypass_window", "compass",
    "passport", "passthrough", "pass_count", "password_auth", "passwordAuth",
    "password_authentication",
    "PASSWORD_AUTH", "password_auth_enabled", "password_login", "password_enabled",
    "password_changed_at", "passwordChangedAt", "password_last_changed", "password_expires_at",
    "password_expiry", "password_set", "password_set_at", "password_policy", "password_length",
    "password_required", "passwordless", "passwordless_login", "has_password", "hasRootPassword",
    "requires_password", "must_change_password", "root_password_set", "secret_count", "secretary",
    "secret_name", "key", "keys", "ssh_key", "ssh_keys", "ssh_key_id", "sshKey", "key_name",
    "key_type", "public_key", "host_key", "keypair", "keyboard", "private_key_id", "api_key_id",
    "apiKeyName", "private_keys_count", "token", "token_count", "token_name", "tokens",
    "access_token_id", "access_token_expires_at", "next_page_token", "tokenized", "monkey_api",
    "access_key_id", "service_key_name", "recovery", "upward", "pw_policy",
    "page_token", "continuation_token", "sync_token_name", "idTokenId", "public_keys", "deploy_key",
    "country_code", "code", "error_code", "recovery_mode", "rescue_mode", "rescue_image",
    "unlocked",
    "private_networking", "private_ip", "private_ipv4", "is_private", "activation_state",
    "compass_key_id", "mfa_enabled", "license", "license_type", "product_code", "credentials",
    "new_password_required", "tls_key_id", "hotpatch", "spinning",
]  # fmt: skip


@pytest.mark.parametrize("key", SECRET)
def test_it_names_a_secret(key: str) -> None:
    assert names_a_secret(key)


@pytest.mark.parametrize("key", NONE)
def test_it_names_none(key: str) -> None:
    assert not names_a_secret(key)


@pytest.mark.parametrize(
    "key", ["token", "Token", " TOKEN ", "pw", "credentials", "credential", "authorization",
            "Authorization", "bearer", "jwt", "otp"],
)  # fmt: skip
def test_it_names_a_secret_where_its_value_is_text(key: str) -> None:
    assert is_bare(key)
    assert not names_a_secret(key)
    assert any(part in key.lower() for part in PARTS)


@pytest.mark.parametrize("key", ["tokens", "token_name", "pass", "auth", "author", "optional"])
def test_it_names_none_whatever_its_value_is(key: str) -> None:
    assert not is_bare(key)


@given(st.text(alphabet="pasPASwordhreitvclky_-xnTKmu", max_size=20) | st.text(max_size=20))
def test_whatever_names_a_secret_is_looked_for(key: str) -> None:
    if names_a_secret(key):
        assert any(part in key.lower() for part in PARTS)
