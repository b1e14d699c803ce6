"""Whether a body is acceptable; the texts are guesses, their form is `{"field": ["..."]}`."""

import re
from typing import Any

from controlpanel.sandbox.world import World

Errors = dict[str, list[str]]

REQUIRED = "This field is required."
_NAME = re.compile(r"[A-Za-z0-9-]{1,255}")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_FQDN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_KEY = re.compile(r"(ssh-(ed25519|rsa)|ecdsa-sha2-\S+) \S+( .*)?")


class InvalidError(Exception):
    def __init__(self, errors: Errors) -> None:
        super().__init__(errors)
        self.errors = errors


def creation(world: World, account: str, data: dict[str, Any]) -> dict[str, Any]:
    """The seven documented fields, checked; others are ignored (guess)."""
    errors: Errors = {}
    for name in ("name", "plan_id", "os_id", "location"):
        if name not in data:
            errors[name] = [REQUIRED]
    values = {"hostname": "", "ssh_key_id": None, "backups_enabled": False}
    optional_blank = {"hostname": (None, ""), "ssh_key_id": (None,)}
    for name in ("name", "plan_id", "os_id", "location", *values):
        if name not in data or data[name] in optional_blank.get(name, ()):
            continue
        problem = _PROBLEMS[name](data[name])
        if problem:
            errors[name] = [problem]
        else:
            values[name] = data[name]
    _references(world, account, values, errors)
    if errors:
        raise InvalidError(errors)
    return values


def replacement(data: dict[str, Any]) -> dict[str, Any]:
    errors = {name: [REQUIRED] for name in _CHANGEABLE if name not in data}
    return _changes(data, errors)


def modification(data: dict[str, Any]) -> dict[str, Any]:
    return _changes(data, {})


def ssh_key(data: dict[str, Any]) -> tuple[str, str]:
    errors: Errors = {}
    for name in ("name", "public_key"):
        if not isinstance(data.get(name), str) or not data[name].strip():
            errors[name] = [REQUIRED]
    if not errors and not _KEY.fullmatch(data["public_key"].strip()):
        errors["public_key"] = ["Enter a valid SSH public key."]
    if errors:
        raise InvalidError(errors)
    return data["name"].strip(), data["public_key"].strip()


_CHANGEABLE = ("name", "hostname", "backups_enabled")


def _changes(data: dict[str, Any], errors: Errors) -> dict[str, Any]:
    values = {}
    for name in _CHANGEABLE:
        if name not in data:
            continue
        problem = _PROBLEMS[name](data[name])
        if problem:
            errors[name] = [problem]
        else:
            values[name] = data[name]
    if errors:
        raise InvalidError(errors)
    return values


def _references(world: World, account: str, values: dict[str, Any], errors: Errors) -> None:
    plan = world.plans.get(values.get("plan_id", 0))
    if "plan_id" in values and (plan is None or not plan.available):
        errors["plan_id"] = ["This plan does not exist or is not available."]
    if "os_id" in values and values["os_id"] not in world.systems:
        errors["os_id"] = ["This operating system does not exist."]
    if "location" in values:
        place = world.locations.get(values["location"])
        if place is None or not place.is_active:
            errors["location"] = ["This location does not exist or is not available."]
        elif plan is not None and plan.available and place.code not in plan.locations:
            errors["location"] = ["This plan is not available in this location."]
    key_id = values["ssh_key_id"]
    if key_id is not None:
        key = world.keys.get(key_id)
        if key is None or key.account != account:
            errors["ssh_key_id"] = ["This SSH key does not exist."]


def _bad_name(value: object) -> str:
    if not isinstance(value, str):
        return "Not a valid string."
    if not value:
        return "This field may not be blank."
    if not _NAME.fullmatch(value):
        return "Enter a name of letters, digits and hyphens."
    return ""


def _bad_hostname(value: object) -> str:
    if not isinstance(value, str):
        return "Not a valid string."
    if len(value) > 253 or not _FQDN.fullmatch(value):
        return "Enter a fully qualified domain name."
    return ""


def _bad_text(value: object) -> str:
    return "" if isinstance(value, str) and value else "Not a valid string."


def _bad_integer(value: object) -> str:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return "" if is_integer else "A valid integer is required."


def _bad_boolean(value: object) -> str:
    return "" if isinstance(value, bool) else "Must be a valid boolean."


_PROBLEMS = {
    "name": _bad_name,
    "plan_id": _bad_integer,
    "os_id": _bad_integer,
    "location": _bad_text,
    "hostname": _bad_hostname,
    "ssh_key_id": _bad_integer,
    "backups_enabled": _bad_boolean,
}
