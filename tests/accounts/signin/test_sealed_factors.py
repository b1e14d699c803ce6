"""`keys` asks what second factors need, and seals them again."""

import pytest
from allauth.mfa.models import Authenticator

from controlpanel.accounts.signin import sealed_factors
from controlpanel.accounts.signin.mfa_adapter import BINDING, PURPOSE, MFAAdapter
from controlpanel.keys import cipher
from tests.web.profile.ways import add_app, add_passkey


def test_it_counts_what_is_sealed(alice):
    assert not sealed_factors.usage()
    add_app(alice)
    add_passkey(alice)  # holds nothing secret
    assert sealed_factors.usage() == {"mfa-1": 2}
    assert set(sealed_factors.needed()) == {"mfa-1"}


def test_they_can_be_sealed_again(alice):
    secret = add_app(alice)
    first, second = sealed_factors.VAULT.page("", 10)
    assert sealed_factors.VAULT.page(first.id, 10) == [second]
    text = cipher.seal(PURPOSE, secret, BINDING)
    app = Authenticator.objects.get(type="totp")
    (value,) = [one for one in (first, second) if one.id == str(app.pk)]
    assert sealed_factors.VAULT.swap(value, text)
    app.refresh_from_db()
    assert MFAAdapter().decrypt(app.data["secret"]) == secret
    assert not sealed_factors.VAULT.swap(value, text), "it is another one by now"


def test_a_damaged_one_keeps_nobody_else_out(alice):
    add_app(alice)
    Authenticator.objects.filter(type="totp").update(data={"secret": "plain"})
    assert sealed_factors.usage() == {"mfa-1": 1}


def test_it_is_sealed_for_second_factors_only(alice):
    sealed = MFAAdapter().encrypt("secret")
    with pytest.raises(cipher.Unreadable):
        cipher.open_sealed("credential", sealed, BINDING)
