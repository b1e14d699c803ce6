"""What a page is about, as a script does it: curl and Python for a server, or for a new one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.utils.translation import gettext as _

from controlpanel.gateway.examples import LANGUAGES, Call, written
from controlpanel.lib.text import clean
from controlpanel.servers.models import Server
from controlpanel.web.create_form import CHOSEN, OTHER, CreateForm
from controlpanel.web.forms import switch

_SHOWN: Final = ("curl", "python")
_NUMBERS: Final = frozenset({"plan_id", "os_id", "ssh_key_id"})
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,17}")
# Ids that stand in the gateway's addresses as they are; it takes no others.
_PLAIN_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Piece:
    """`codes`: language, what it is called, and the code itself."""

    slug: str
    title: str
    codes: list[tuple[str, str, str]]


def of_server(server: Server) -> list[Piece]:
    """Reading it, starting it, stopping it."""
    if not _PLAIN_ID.fullmatch(server.provider_id):
        return []
    path = f"/servers/{server.provider_id}/"
    return [
        _piece("read", _("Read it"), Call("GET", path)),
        _piece("start", _("Start it"), Call("POST", f"{path}start/")),
        _piece("stop", _("Stop it"), Call("POST", f"{path}stop/")),
    ]


def of_form(form: CreateForm) -> dict[str, Any]:
    """The create as far as it is typed, and the names of the fields that it still needs."""
    body = _body(form.shown)
    labels = {name: str(form.fields[name].label) for name in _REQUIRED}
    return {
        "typed": _piece("new", _("Create it"), Call("POST", "/servers/", body, _headers(form))),
        "typed_lacks": [labels[name] for name in _REQUIRED if name not in body],
    }


_REQUIRED: Final = ("location", "os_id", "plan_id", "name")


def _piece(slug: str, title: str, call: Call) -> Piece:
    url = settings.PANEL_PUBLIC_URL
    return Piece(slug, title, [(one, LANGUAGES[one], written(one, url, call)) for one in _SHOWN])


def _body(shown: Mapping[str, str]) -> dict[str, Any]:
    """In the order of the contract. What is no number yet stays as it was typed."""
    given = {name: shown[name].strip() for name in ("name", "hostname")}
    given |= {name: _chosen(shown, name) for name in CHOSEN}
    order = ("name", "plan_id", "os_id", "location", "hostname", "ssh_key_id")
    body: dict[str, Any] = {name: _value(name, given[name]) for name in order if given[name]}
    if switch(shown["backups_enabled"]):
        body["backups_enabled"] = True
    return body


def _chosen(shown: Mapping[str, str], name: str) -> str:
    value = shown[name].strip()
    return shown[f"{name}_other"].strip() if value in ("", OTHER) else value


def _value(name: str, text: str) -> str | int:
    return int(text) if name in _NUMBERS and _NUMBER.fullmatch(text) else text


def _headers(form: CreateForm) -> dict[str, str]:
    name = form.shown["name"].strip()
    unique = name if re.fullmatch(r"[A-Za-z0-9-]{1,200}", name) else form.form_id
    sent = {"X-Labels": form.shown["labels"], "X-Reason": form.shown["reason"]}
    given = {header: clean(text, 2500) for header, text in sent.items()}
    return {
        "Idempotency-Key": f"create-{unique}",
        **{header: text for header, text in given.items() if text},
    }
