"""A second implementation, written from docs/audit-format.md alone: it shares no code with ours."""

import json
from hashlib import sha256, sha512
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Any

FIELD = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
CURVE = -121665 * pow(121666, -1, FIELD) % FIELD
ONE = 4 * pow(5, -1, FIELD) % FIELD
NAMES = ["checkpoints.jsonl", "events.jsonl", "keys.json", "proofs.json", "report.txt"]

Affine = tuple[int, int]


def check(folder: Path) -> list[str]:
    """What is wrong; nothing if the bundle is in order."""
    try:
        return [*_files(folder), *_checkpoints(folder), *_contents(folder)]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OSError) as error:
        return [f"unreadable: {error!r}"]


def signed(public: bytes, message: bytes, signature: bytes) -> bool:
    scalar = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or scalar >= ORDER:
        return False
    digest = sha512(signature[:32] + public + message).digest()
    challenge = int.from_bytes(digest, "little") % ORDER
    base = (_x_of(ONE, 0), ONE)
    right = _sum(_point(signature[:32]), _multiple(challenge, _point(public)))
    return _multiple(scalar, base) == right


def _files(folder: Path) -> list[str]:
    text = (folder / "manifest.json").read_bytes()
    manifest = _parsed(text)
    keys = _parsed((folder / "keys.json").read_bytes())
    wrong = [
        name
        for name in NAMES
        if sha256((folder / name).read_bytes()).hexdigest() != manifest["members"][name]
    ]
    signature = (folder / "manifest.sig").read_text()
    exact = bytes.fromhex(signature).hex() + "\n" == signature
    public = bytes.fromhex(keys[manifest["key"]])
    if not exact or not signed(public, b"bundle\x00" + text, bytes.fromhex(signature)):
        wrong.append("manifest.sig")
    return wrong


def _checkpoints(folder: Path) -> list[str]:
    keys = _parsed((folder / "keys.json").read_bytes())
    wrong, last = [], None
    for line in _lines(folder / "checkpoints.jsonl"):
        said, message = (
            _parsed(line["statement"]),
            b"checkpoint\x00" + line["statement"].encode(),
        )
        if not signed(bytes.fromhex(keys[said["key"]]), message, bytes.fromhex(line["signature"])):
            wrong.append(f"signature of checkpoint {said['number']}")
        if last and (said["number"], said["previous"]) != last:
            wrong.append(f"place of checkpoint {said['number']}")
        last = (said["number"] + 1, sha256(message).hexdigest())
    return wrong


def _contents(folder: Path) -> list[str]:
    manifest = _parsed((folder / "manifest.json").read_bytes())
    proofs = _parsed((folder / "proofs.json").read_bytes())
    statements = [_parsed(line["statement"]) for line in _lines(folder / "checkpoints.jsonl")]
    (point,) = [said for said in statements if said["number"] == proofs["checkpoint"]]
    chain = _parsed(proofs["chain"]["leaf"])
    wrong = []
    if _root(proofs["chain"]) != point["root"] or chain["chain"] != manifest["chain"]:
        wrong.append("proof of the chain")
    events = list(_lines(folder / "events.jsonl"))
    wrong += [
        f"event {line['seq']}" for line in events if _hash(chain["chain"], line) != line["hash"]
    ]
    if manifest["scope"] == "histories":
        foreign = [line["seq"] for line in events if not _is_of(line, proofs["targets"])]
        wrong += [f"target of event {seq}" for seq in foreign]
        for one in proofs["targets"]:
            own = [line for line in events if _is_of(line, [one])]
            wrong += _history(manifest["chain"], one, chain["targets_root"], own)
        return wrong
    return wrong + _span(manifest, chain, events)


def _is_of(line: Any, targets: list[Any]) -> bool:
    target = _parsed(line["canonical"])["target"]
    return any((one["kind"], one["id"]) == (target["kind"], target["id"]) for one in targets)


def _history(chain: str, one: Any, root: str, events: list[Any]) -> list[str]:
    wrong, number, last = [], 0, "0" * 64
    gaps = [tuple(gap) for gap in one["gaps"]]
    for line in events:
        content = _parsed(line["canonical"])
        target = content["target"]
        if content["v"] == 1:
            if number:
                wrong.append(f"age of event {line['seq']}")
            continue
        gap = (number, target["seq"])
        if gap in gaps:
            gaps.remove(gap)
        elif (target["seq"], target["prev"]) != (number + 1, last):
            wrong.append(f"history before event {line['seq']}")
        number, last = target["seq"], line["hash"]
    if gaps or number != one["last"]:
        wrong.append(f"gaps or end of the history of {one['id']}")
    proof = one["proof"]
    if proof is None:
        return wrong
    if _root(proof) != root:
        wrong.append("proof of the target")
    leaf = {"chain": chain, "hash": last, "kind": one["kind"], "seq": number, "target": one["id"]}
    if _parsed(proof["leaf"]) != leaf:
        wrong.append("end of the history")
    return wrong


def _span(manifest: Any, chain: Any, events: list[Any]) -> list[str]:
    wrong = []
    for before, line in pairwise(events):
        if (line["seq"], line["prev"]) != (before["seq"] + 1, before["hash"]):
            wrong.append(f"gap before event {line['seq']}")
    if (events[-1]["seq"], events[-1]["hash"]) != (chain["seq"], chain["hash"]):
        wrong.append("end of the span")
    first = _parsed(events[0]["canonical"])
    if events[0]["seq"] != 1 and not first["at"] < manifest["from"]:
        wrong.append("beginning of the span")
    return wrong


def _lines(path: Path) -> list[Any]:
    return [_parsed(line) for line in path.read_bytes().decode().split("\n")[:-1]]


def _parsed(text: str | bytes) -> Any:
    if isinstance(text, bytes):
        text = text.decode()

    def whole(digits: str) -> int:
        if digits == "-0" or abs(int(digits)) >= 2**53:
            raise ValueError(digits)
        return int(digits)

    def broken(digits: str) -> float:
        found = float(digits)
        if digits != repr(found) or not isfinite(found):
            raise ValueError(digits)
        return found

    def names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) < len(pairs):
            raise ValueError("a name twice")
        return dict(pairs)

    return json.loads(
        text,
        parse_int=whole,
        parse_float=broken,
        parse_constant=broken,
        object_pairs_hook=names,
    )


def _hash(chain: str, line: Any) -> str:
    name = chain.encode()
    data = b"".join(
        [
            b"\x00",
            len(name).to_bytes(2, "big"),
            name,
            line["seq"].to_bytes(8, "big"),
            bytes.fromhex(line["prev"]),
            line["canonical"].encode(),
        ]
    )
    return sha256(data).hexdigest()


def _root(proof: Any) -> str:
    """From the top: which half a leaf is in decides on which side its sibling stands."""
    here = sha256(b"\x00" + bytes.fromhex(proof["salt"]) + proof["leaf"].encode()).digest()
    path = [bytes.fromhex(step) for step in proof["path"]]

    def up(index: int, size: int, steps: list[bytes]) -> bytes:
        if size == 1:
            if steps:
                raise ValueError("too long")
            return here
        half = 1 << (size - 1).bit_length() - 1
        if index < half:
            return sha256(b"\x01" + up(index, half, steps[:-1]) + steps[-1]).digest()
        return sha256(b"\x01" + steps[-1] + up(index - half, size - half, steps[:-1])).digest()

    return up(proof["index"], proof["size"], path).hex()


def _x_of(y: int, odd: int) -> int:
    square = (y * y - 1) * pow(CURVE * y * y + 1, -1, FIELD) % FIELD
    x = pow(square, (FIELD + 3) // 8, FIELD)
    if x * x % FIELD != square:
        x = x * pow(2, (FIELD - 1) // 4, FIELD) % FIELD
    if x * x % FIELD != square:
        raise ValueError("not a point")
    return FIELD - x if x % 2 != odd else x


def _point(packed: bytes) -> Affine:
    number = int.from_bytes(packed, "little")
    y = number % 2**255
    return (_x_of(y, number >> 255), y)


def _sum(one: Affine, other: Affine) -> Affine:
    (a, b), (c, d) = one, other
    product = CURVE * a * b * c * d % FIELD
    x = (a * d + b * c) * pow(1 + product, -1, FIELD)
    y = (b * d + a * c) * pow(1 - product, -1, FIELD)
    return (x % FIELD, y % FIELD)


def _multiple(number: int, point: Affine) -> Affine:
    result = (0, 1)
    while number:
        if number % 2:
            result = _sum(result, point)
        point, number = _sum(point, point), number // 2
    return result
