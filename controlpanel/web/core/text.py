"""Text of the provider as pages show it."""

from functools import lru_cache

from controlpanel.lib.text import clean

# The same few names, places and plans come again on every poll.
shown = lru_cache(maxsize=4096)(clean)
