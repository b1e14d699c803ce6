"""What stands above a page: something that somebody should know, and where it is mended."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Banner:
    tone: str  # "" (information), "warn" or "bad", as templates/components/banner.html has it
    text: str
    url: str = ""
    label: str = ""
    title: str = ""
    post: bool = False  # the action changes something, so it is a button
