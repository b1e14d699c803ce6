"""JSON Schemas of what the gateway answers: the contract's fields, and room for more."""

from collections.abc import Mapping
from typing import Any, Final

Schema = Mapping[str, Any]


def _object(properties: Mapping[str, Any], required: tuple[str, ...] = ()) -> Schema:
    """Fields that nobody has documented pass as they came."""
    found = {"type": "object", "properties": dict(properties), "additionalProperties": True}
    return {**found, "required": list(required)} if required else found


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _or_null(kind: str, **more: Any) -> Schema:
    return {"type": [kind, "null"], **more}


_TIME: Final[Schema] = _or_null("string", examples=["2025-01-10T14:30:00Z"])
_ID: Final[Schema] = {
    "type": ["integer", "string"],
    "description": "As VPS.org gives it. Documented as a number; take it as it is.",
    "examples": [12345],
}
_STATUS: Final[Schema] = {
    "type": "string",
    "description": "active, stopped, suspended, provisioning, starting, stopping, rebooting, or a "
    "word that nobody has documented.",
    "examples": ["active"],
}
_NUMBER: Final[Schema] = _or_null("number")
_PLAN: Final = _object(
    {
        "id": _ID,
        "name": {"type": "string"},
        "vcpus": _NUMBER,
        "memory": _or_null("number", description="MB, as far as anybody knows."),
        "storage": _or_null("number", description="GB, as far as anybody knows."),
        "bandwidth": _or_null("number", description="GB. In a single server's answer only."),
    }
)
_SERVER: Final[Mapping[str, Any]] = {
    "id": _ID,
    "name": {"type": "string"},
    "hostname": _or_null("string"),
    "status": _STATUS,
    "ip_address": _or_null("string", description="null while the server is being made."),
    "ipv6_address": _or_null("string"),
    "location": _or_null("string"),
    "plan": _PLAN,
    "os": _object({"id": _ID, "name": {"type": "string"}}),
    "backups_enabled": _or_null("boolean"),
    "resource_usage": _object(
        dict.fromkeys(("cpu_percent", "memory_used", "disk_used", "bandwidth_used"), _NUMBER)
    ),
    "created_at": _TIME,
    "updated_at": _TIME,
    "message": {"type": "string"},
}


def _list_of(items: Schema) -> Schema:
    pages = _or_null("string", description="Address of another page, through the gateway.")
    return _object(
        {
            "count": {"type": "integer", "description": "How many there are within reach."},
            "next": pages,
            "previous": pages,
            "results": {"type": "array", "items": items},
        }
    )


_ENTRY: Final = _object({"id": _ID, "name": {"type": "string"}})

SCHEMAS: Final[Mapping[str, Schema]] = {
    "Server": _object(_SERVER),
    "ServerList": _list_of(ref("Server")),
    "Power": _object(
        {
            "status": {"type": "string", "description": "A word for the result, not a server's."},
            "message": {"type": "string"},
            "server": _object({"id": _ID, "name": {"type": "string"}, "status": _STATUS}),
        }
    ),
    "Catalogue": _list_of(_ENTRY),
    "Account": _object(
        {
            "account": _object(
                {
                    **{
                        name: {"type": "string", "description": "Always empty here."}
                        for name in ("email", "first_name", "last_name")
                    },
                    "company_name": {"type": "string", "description": "Name of the account here."},
                    "created_at": {"type": "string", "format": "date-time"},
                }
            ),
            "token": _object(
                {
                    "name": {"type": "string", "description": "Name of the panel key."},
                    "permissions": {
                        "type": "array",
                        "items": {"type": "string"},
                        "description": "In the words of VPS.org's published clients.",
                    },
                    "rights": {
                        "type": "array",
                        "items": {"type": "string"},
                        "description": "The rights in force now, in the panel's words.",
                    },
                    "expires_at": {"type": "string", "format": "date-time"},
                },
                ("name", "permissions", "rights", "expires_at"),
            ),
        },
        ("account", "token"),
    ),
    "Operation": _object(
        {
            "id": {"type": "string", "format": "uuid"},
            "kind": {"enum": ["create", "update", "delete", "start", "stop", "reboot"]},
            "state": {
                "enum": [
                    "requested", "sending", "accepted", "observed", "unknown", "failed",
                    "cancelled", "not_seen", "closed",
                ],
                "description": "Done: accepted, observed. Not done: failed, cancelled. Not over: "
                "requested, sending, unknown. not_seen: looked for, and not there. closed: a "
                "person looked, and closed it.",
            },
            "server": _object({"id": _or_null("string"), "name": {"type": "string"}}),
            **{
                name: _or_null("string", format="date-time")
                for name in (
                    "requested_at", "sending_at", "answered_at", "observed_at", "ended_at",
                )
            },
            "asked_by": {"type": "string"},
            "reason": {"type": "string"},
            "provider_status": _or_null("integer", description="The code of VPS.org's answer."),
            "provider_words": {"type": "string"},
            "code": {"type": "string", "description": "Of the trouble, where there was one."},
            "seen": {
                "type": "array",
                "items": _object(
                    {
                        "shows": {"type": "object", "description": "Status, or fields of an edit."},
                        "at": {"type": "string", "format": "date-time"},
                        "until": {"type": "string", "format": "date-time"},
                    },
                    ("shows", "at", "until"),
                ),
                "description": "What VPS.org showed of its server since it was sent.",
            },
            "confirmed_by": {
                "type": "string",
                "description": "Who said, from what was seen, that it was done.",
            },
            "detail": {"type": "string"},
            "receipt": {"type": "string", "description": "Where a person sees the same."},
        },
        ("id", "kind", "state", "server", "receipt"),
    ),
    "Trouble": _object(
        {
            "detail": {"type": "string", "description": "One sentence: what is wrong, what to do."},
            "code": {"type": "string", "description": "For programs. It stays the same."},
            "operation": {
                "type": "string",
                "description": "Address of the operation that it is about.",
            },
            "receipt": {"type": "string", "description": "The same for people."},
            "state": {"type": "string", "description": "Of that operation, when it was said."},
            "permission": {"type": "string", "description": "The right that is missing."},
        },
        ("detail", "code"),
    ),
    "ProviderTrouble": {
        "type": ["object", "array"],
        "description": "VPS.org's own refusal, as it came: `detail`, or sentences for each field.",
    },
}  # fmt: skip
