"""What a page is about, as a script does it: curl and Python for a server, or for a new one."""

import re
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.utils.translation import gettext as _

from controlpanel.gateway.spec.examples import LANGUAGES, Call, written
from controlpanel.lib.text import clean
from controlpanel.servers.models import Server
from controlpanel.vpsorg.read import ident
from controlpanel.web.core.change_forms import switch
from controlpanel.web.servers.create_form import CHOSEN, NUMBER, CreateForm

_SHOWN: Final = ("curl", "python")
_NUMBERS: Final = frozenset({"plan_id", "os_id", "ssh_key_id"})


@dataclass(frozen=True, slots=True)
class Piece:
    """`codes`: language, what it is called, and the code itself."""

    slug: str
    title: str
    codes: list[tuple[str, str, str]]


def of_server(server: Server) -> list[Piece]:
    """Reading it, starting it, stopping it."""
    if ident(server.provider_id) is None:
        return []  # the gateway takes no such id
    path = f"/servers/{server.provider_id}/"
    return [
        _piece("read", _("Read it"), Call("GET", path)),
        _piece("start", _("Start it"), Call("POST", f"{path}start/")),
        _piece("stop", _("Stop it"), Call("POST", f"{path}stop/")),
    ]


def of_form(form: CreateForm) -> dict[str, Any]:
    """The create as far as it is typed, and the names of the fields that it still needs."""
    body = _body(form)
    labels = {name: str(form.fields[name].label) for name in _REQUIRED}
    return {
        "typed": _piece("new", _("Create it"), Call("POST", "/servers/", body, _headers(form))),
        "typed_lacks": [labels[name] for name in _REQUIRED if name not in body],
    }


_REQUIRED: Final = ("location", "os_id", "plan_id", "name")


def _piece(slug: str, title: str, call: Call) -> Piece:
    url = settings.PANEL_PUBLIC_URL
    return Piece(slug, title, [(one, LANGUAGES[one], written(one, url, call)) for one in _SHOWN])


def _body(form: CreateForm) -> dict[str, Any]:
    """In the order of the contract. What is no number yet stays as it was typed."""
    shown = form.shown
    given = {name: shown[name].strip() for name in ("name", "hostname")}
    given |= {name: form.chosen(name) for name in CHOSEN}
    order = ("name", "plan_id", "os_id", "location", "hostname", "ssh_key_id")
    body: dict[str, Any] = {name: _value(name, given[name]) for name in order if given[name]}
    if switch(shown["backups_enabled"]):
        body["backups_enabled"] = True
    return body


def _value(name: str, text: str) -> str | int:
    return int(text) if name in _NUMBERS and NUMBER.fullmatch(text) else text


def _headers(form: CreateForm) -> dict[str, str]:
    name = form.shown["name"].strip()
    unique = name if re.fullmatch(r"[A-Za-z0-9-]{1,200}", name) else form.form_id
    sent = {"X-Labels": form.shown["labels"], "X-Reason": form.shown["reason"]}
    given = {header: clean(text, 2500) for header, text in sent.items()}
    return {
        "Idempotency-Key": f"create-{unique}",
        **{header: text for header, text in given.items() if text},
    }
