"""Which members of an answer hold a secret, told from their names alone.

The documented answers hold none. What else a provider may send is a guess: the initial root
password (published clients), and what such APIs name alike. In doubt a name that has "password" or
"secret" in it is one; what is said *about* a password, such as when it was changed, is not.
"""

import re
from functools import lru_cache
from typing import Final

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BETWEEN: Final = re.compile(r"[\W_]+")
# Names are written "_root_password_" by then, whatever they looked like.
_SECRET: Final = re.compile(
    "pass_?(?:wor[dt]|w0?rd|wd|phrase|code)|pass_?w_|"
    "(?:root|admin|user|db|database|login|ssh|vnc|rdp|console|ftp|smtp|mail|initial|default|temp|"
    "temporary|tmp|new|old|os|windows|win|server|service|account|guest|rescue|sudo|ipmi|bmc|idrac|"
    "ilo|kvm|one_?time)_?(?:pass|pw)_|"
    r"(?:_|root|admin|user)pwd\d*_|"
    "secret(?!ar)|"
    "(?:private|api|access|encryption|decrypt|decryption|signing|auth|master|recovery|service|shared|unlock|"
    "license|licence|activation|product|luks|tls|ssl|rsa|wireguard|app|hmac)_?key(?!s?_?ids?_)s?|"
    "_pass_?keys?_|_key_?material|_psk_|private_?pem|ssh_?private_|"
    "(?:access|refresh|api|auth|bearer|session|console|vnc|oauth|jwt|reset|login|agent|join|csrf|id|"
    "deploy|registration|invite|invitation|bootstrap|activation|rescue|kvm|setup|security|service)"
    "_?tokens?_(?!ids?_)|"
    "(?:recovery|rescue|unlock|activation|otp|totp|mfa)_?(?:codes?|pins?)_|"
    "totp_?(?:uri|url|seed)|_snmp_?community"
)
# All that follows the name of the secret is of these: then it is said about it.
_ABOUT: Final = re.compile(
    "(?:auth|authentication|login|logins|enabled|disabled|allowed|permitted|required|needed|"
    "protected|changed|change|updated|created|rotated|reset|set|last|next|at|on|date|time|"
    "timestamp|expires|expired|expiry|expiration|expire|in|age|days|min|max|length|count|policy|"
    "strength|type|kind|algorithm|method|methods|status|state|fingerprint|name|names|version|"
    "less|must|is|be|ok|valid)+"
)
_WHETHER: Final = frozenset(
    {"has", "is", "requires", "require", "needs", "allow", "allows", "supports", "must", "without"}
)
# In lower case, one of these stands in each such name: much quicker to look for.
PARTS: Final = (
    "pass", "pw", "secret", "key", "token", "private", "psk", "recovery", "rescue", "unlock",
    "activation", "otp", "mfa", "snmp", "credential", "authorization", "bearer", "jwt",
)  # fmt: skip
_BARE: Final = frozenset(
    {"token", "pw", "credential", "credentials", "authorization", "bearer", "jwt", "otp"}
)


@lru_cache(maxsize=2048)
def names_a_secret(key: str) -> bool:
    """Whether a member of this name is cut out, whatever its value is."""
    words = [word for word in _BETWEEN.split(_CAMEL.sub("_", key[:200]).lower()) if word]
    name = f"_{'_'.join(words)}_"
    found = None
    for found in _SECRET.finditer(name):  # noqa: B007 the last one
        pass
    if found is None or words[0] in _WHETHER:
        return False
    return _ABOUT.fullmatch(name[found.end() :].replace("_", "")) is None


def is_bare(key: str) -> bool:
    """Cut out where its value is text. VPS.org also names an object "token": what one may do."""
    return key.strip().lower() in _BARE
