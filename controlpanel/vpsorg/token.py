"""What an API token looks like, checked before it goes anywhere near a header."""

import re

from controlpanel.lib.secret import Secret

# SECURITY: requests prints a header value that it refuses, one that ends in a newline for example.
_TOKEN = re.compile(r"[\x21-\x7e]{8,512}")


def valid_token(token: Secret) -> bool:
    return _TOKEN.fullmatch(token.reveal()) is not None
