"""What no answer of the provider's may carry any further: its secrets, and API tokens.

SECURITY: create and detail may carry the initial root password. It is cut out here, before anything
else of the panel sees the answer, and so is every member whose name says that it holds a secret. By
value, wherever it stands, only the token in use is replaced, and what has the shape of a token or
of a panel key. To replace more by value would change what is no secret: a password "active" is the
status of half of all servers.
"""

from controlpanel.lib import json_text
from controlpanel.lib.secret import Secret
from controlpanel.lib.text import redact
from controlpanel.vpsorg.secret_names import PARTS, is_bare, names_a_secret


def may_need(text: str, token: Secret) -> bool:
    """Whether `redacted` could change it. What is escaped may be a name, or a token, written in
    another way."""
    if "\\" in text or "vps_" in text or "vpp_" in text or token.reveal() in text:
        return True
    lower = text.lower()
    return any(part in lower for part in PARTS)


def redacted(text: str, token: Secret) -> str:
    """Valid JSON without its secrets, every other byte as it was written."""
    value = token.reveal()
    return json_text.edited(text, _is_secret, lambda plain: redact(plain, value))


def _is_secret(key: str, first: str) -> bool:
    return names_a_secret(key) or (first == '"' and is_bare(key))
