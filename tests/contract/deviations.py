"""Where the gateway answers otherwise than the provider, on purpose: which, how, and why.

A test named here must fail through the gateway, and the last answer it got is the one named here:
a deviation that goes away is noticed, and one that is not here is a failure.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Deviation:
    """`tests`: beginnings of names, `only`: of these the ones with such a word in their name.
    `status`, `code`: of the last answer; without them the test has no meaning at this door."""

    why: str
    tests: tuple[str, ...]
    status: int = 0
    code: str = ""
    only: tuple[str, ...] = ("",)

    def is_about(self, name: str) -> bool:
        return name.startswith(self.tests) and any(word in name for word in self.only)


def _of_each_power(name: str) -> tuple[str, ...]:
    return tuple(f"test_{verb}_server.{name}" for verb in ("start", "stop", "reboot"))


DEVIATIONS: Final = (
    Deviation(
        "The panel answers this itself: the key's name and rights, nothing of the account's.",
        ("test_around.test_account_me", "test_around.test_each_can_be_switched_off"),
        only=("account_me", "/account/me/"),
    ),
    Deviation(
        "The tests come in without a socket; a running panel keeps its connections elsewhere.",
        ("test_paths.test_one_connection_serves_many_calls",),
    ),
    Deviation(
        "It says what to do about a panel key, and has a code for programs.",
        ("test_tokens.test_it_rejects_a_missing_unknown_or_revoked_token",),
        401,
        "key_not_accepted",
    ),
    Deviation(
        "It names the right that is missing, and has a code for programs.",
        ("test_tokens.test_a_refused_change_says_so",),
        403,
        "permission_denied",
    ),
    Deviation(
        "SSH keys are read as the pages read them: with the account's sync token.",
        ("test_tokens.test_a_read_only_token_reads_servers_and_the_catalogue",),
        200,
    ),
    Deviation(
        "Only reads of the account's SSH keys are in the allow-list.",
        ("test_around.test_an_ssh_key_can_be_added", "test_around.test_a_wrong_ssh_key"),
        405,
        "method_not_allowed",
    ),
    Deviation(
        "No redirect: followed, it would turn a change into a read that succeeds.",
        (
            "test_paths.test_a_path_without_its_slash",
            "test_paths.test_the_redirect_keeps",
            "test_paths.test_followed_it_would",
        ),
        404,
        "slash_missing",
    ),
    Deviation(
        "It points to the list of all addresses.",
        ("test_paths.test_an_unknown_path_is_not_found",),
        404,
        "no_such_address",
    ),
    Deviation(
        "What can be no id of a server never reaches the provider.",
        ("test_get_server.test_an_absent_server_is_not_found",),
        404,
        "no_such_address",
        only=("--1]", "%20", "\\uff11"),
    ),
    Deviation(
        "A parameter that must be a number and is none never reaches the provider.",
        ("test_paging.test_there_is_no_such_page",),
        400,
        "bad_parameter",
        only=("-x]",),
    ),
    Deviation(
        "A body that is no JSON has a code for programs.",
        ("test_create_server.test_it_rejects_a_body_that_is_no_",),
        400,
        "bad_json",
        only=("no_object", "-{]", "-]", "\\xff"),
    ),
    Deviation(
        "A body of that size is refused before anybody parses it.",
        ("test_create_server.test_it_rejects_a_body_that_is_no_json",),
        413,
        "too_large",
    ),
    Deviation(
        "A body where none is documented is a mistake, or an attempt to smuggle.",
        _of_each_power("test_it_needs_no_body"),
        400,
        "no_body",
    ),
    Deviation(
        "A field that is not documented is named, and not passed on.",
        ("test_replace_server.test_other_fields_are_ignored",),
        400,
        "bad_field",
    ),
    Deviation(
        "A root password passes nowhere.",
        ("test_get_server.test_no_password_unless_it_is_switched_on",),
        200,
    ),
)
