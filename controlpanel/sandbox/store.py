"""The state file: the whole world as JSON, replaced in one step, readable by its owner only."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from controlpanel.sandbox import seed
from controlpanel.sandbox.world import SERVER_FIELDS, Account, Server, SshKey, Token, World

VERSION = 1


class UnreadableError(Exception):
    """The state file is not one of ours; the text says what to do."""


def save(world: World, path: Path) -> None:
    data = {
        "version": VERSION,
        "offset": world.offset,
        "next_id": world.next_id,
        "accounts": [asdict(account) for account in world.accounts.values()],
        "tokens": {digest: asdict(token) for digest, token in world.tokens.items()},
        "keys": [asdict(key) for key in world.keys.values()],
        "servers": [
            [getattr(server, name) for name in SERVER_FIELDS]
            for fleet in world.fleets.values()
            for server in fleet.values()
        ],
    }
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps(data))
    beside.replace(path)


def load(world: World, path: Path) -> bool:
    """False when there is no file yet."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    except ValueError:
        raise UnreadableError(_unreadable(path)) from None
    try:
        _fill(world, data)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UnreadableError(_unreadable(path)) from None
    return True


def _fill(world: World, data: dict[str, Any]) -> None:
    if data["version"] != VERSION:
        raise ValueError
    seed.stock(world)
    world.accounts = {row["name"]: Account(**row) for row in data["accounts"]}
    world.tokens = {digest: Token(**row) for digest, row in data["tokens"].items()}
    world.keys = {row["id"]: SshKey(**row) for row in data["keys"]}
    world.fleets = {name: {} for name in world.accounts}
    for row in data["servers"]:
        world.add(Server(**dict(zip(SERVER_FIELDS, row, strict=True))))
    world.next_id, world.offset = data["next_id"], data["offset"]
    world.dirty = False


def _unreadable(path: Path) -> str:
    return f"{path} is not a state file of this sandbox. Move it away to start with a fresh one."
