"""Checks this bundle of audit events: run `python3 verify.py` in its folder. It needs no network.

It reads the other files of the bundle, and says in sentences what they prove and what they do not.
Exit code 0: all is in order. 1: it is not, and the first place that is wrong is named.
"""

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MEMBERS = ("checkpoints.jsonl", "events.jsonl", "keys.json", "proofs.json", "report.txt")
GENESIS = "0" * 64
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
Point = tuple[int, int, int, int]
Json = dict[str, Any]


class Wrong(Exception):
    """A sentence that says what."""


def need(holds: Any, sentence: str) -> None:
    if not holds:
        raise Wrong(sentence)


def add(p: Point, q: Point) -> Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(number: int, point: Point) -> Point:
    half = times(number >> 1, add(point, point)) if number else (0, 1, 1, 0)
    return add(half, point) if number & 1 else half


def unpack(packed: bytes) -> Point:
    """RFC 8032, 5.1.3."""
    y = int.from_bytes(packed, "little")
    odd, y = y >> 255, y & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x * pow(2, (P - 1) // 4, P) % P if (x * x - square) % P else x
    need(y < P and not (x * x - square) % P and (x or not odd), "A public key is not one.")
    x = P - x if x & 1 != odd else x
    return (x, y, 1, x * y % P)


def signed(public: str, message: bytes, signature: str) -> bool:
    """Ed25519, RFC 8032, 5.1.7."""
    key, sig = bytes.fromhex(public), bytes.fromhex(signature)
    s = int.from_bytes(sig[32:], "little")
    if not re.fullmatch("[0-9a-f]{128}", signature) or len(key) != 32 or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(sig[:32] + key + message).digest(), "little") % L
    (x, y, z, t), base = unpack(key), unpack((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    found = add(times(s, base), times(k, (P - x, y, z, P - t)))
    x, y = (number * pow(found[2], P - 2, P) % P for number in found[:2])
    return (y | (x & 1) << 255).to_bytes(32, "little") == sig[:32]


def root_from(proof: Json) -> str:
    """RFC 9162: where the proof leads, from the leaf's salt and text."""
    data = b"\0" + bytes.fromhex(proof["salt"]) + proof["leaf"].encode()
    here, path = hashlib.sha256(data).digest(), [bytes.fromhex(step) for step in proof["path"]]
    index, last = proof["index"], proof["size"] - 1
    need(0 <= index <= last, "A proof does not fit its tree.")
    while last:
        if index % 2 or index < last:
            pair = path.pop(0) + here if index % 2 else here + path.pop(0)
            here = hashlib.sha256(b"\1" + pair).digest()
        index, last = index // 2, last // 2
    need(not path, "A proof is too long.")
    return here.hex()


def check_members(folder: Path) -> tuple[Json, dict[str, str]]:
    """Manifest and public keys, once every other file is known to be as it was signed."""
    text = (folder / "manifest.json").read_bytes()
    manifest, keys = json.loads(text), json.loads((folder / "keys.json").read_bytes())
    need(manifest["v"] == 2, "This bundle is of a format that this verifier does not know.")
    need(sorted(manifest["members"]) == sorted(MEMBERS), "The manifest lists other files.")
    for name in MEMBERS:
        digest = hashlib.sha256()
        for part in (folder / name).open("rb"):
            digest.update(part)
        need(digest.hexdigest() == manifest["members"][name], f"{name} was changed.")
    signature = (folder / "manifest.sig").read_bytes().decode()
    fits = signed(keys[manifest["key"]], b"bundle\0" + text, signature[:-1])
    need(fits and signature[-1] == "\n", "The manifest, its signature or keys.json was changed.")
    return manifest, keys


def check_checkpoints(folder: Path, keys: dict[str, str]) -> dict[int, Json]:
    found, before, number = {}, "", 0
    for line in map(json.loads, (folder / "checkpoints.jsonl").open("rb")):
        said = json.loads(line["statement"])
        message = b"checkpoint\0" + line["statement"].encode()
        follows = not before or (said["number"], said["previous"]) == (number + 1, before)
        need(follows, f"Checkpoint #{said['number']} does not follow the one before it.")
        fits = line["key"] == said["key"] and signed(keys[said["key"]], message, line["signature"])
        need(fits, f"The signature of checkpoint #{said['number']} does not fit.")
        before, number = hashlib.sha256(message).hexdigest(), said["number"]
        found[number] = said
    return found


def check_events(folder: Path, chain: str) -> Iterator[tuple[Json, Json]]:
    """Each line with its content, once its hash is known to fit."""
    place, last = chain.encode(), 0
    for line in map(json.loads, (folder / "events.jsonl").open("rb")):
        seq, text = line["seq"], line["canonical"].encode()
        data = len(place).to_bytes(2, "big") + place + seq.to_bytes(8, "big")
        found = hashlib.sha256(b"\0" + data + bytes.fromhex(line["prev"]) + text).hexdigest()
        need(found == line["hash"] and seq > last, f"Event #{seq} was changed or moved.")
        last = seq
        yield line, json.loads(text)


def check_histories(folder: Path, manifest: Json, proofs: list[Any], root: str) -> list[str]:
    """The events of each target follow each other, but for gaps that are named, to its proof."""
    stands: Any = {(one["kind"], one["id"]): [0, GENESIS, dict(one["gaps"])] for one in proofs}
    said, early = [], 0
    for line, content in check_events(folder, manifest["chain"]):
        target = content["target"]
        stand = stands.get((target["kind"], target["id"]))
        need(stand, f"Event #{line['seq']} is about something else.")
        if content["v"] == 1:
            need(stand[0] == 0, f"Event #{line['seq']} is older than it says.")
            early += 1
            continue
        fits = (target["seq"], target["prev"]) == (stand[0] + 1, stand[1])
        fits = fits or stand[2].get(stand[0], 0) == target["seq"] > stand[0] + 1
        need(fits, f"Before event #{line['seq']}, an event of its target is missing.")
        stand[:2] = target["seq"], line["hash"]
    for one in proofs:
        name, (number, last, gaps) = f"{one['kind']} {one['id']}", stands[one["kind"], one["id"]]
        need(number == one["last"], f"The last events of {name} are missing.")
        first = max([1, *gaps.values()]) if one["proof"] else number + 1
        if one["proof"]:
            leaf = {"chain": manifest["chain"], "hash": last, "kind": one["kind"], "seq": number}
            fits = json.loads(one["proof"]["leaf"]) == {**leaf, "target": one["id"]}
            need(fits and root_from(one["proof"]) == root, f"The proof for {name} does not fit.")
            those = f"these {number} events" if first == 1 else f"its events from {first} on"
            said.append(f"Proved: {those} are the complete history of {name} until then.")
        if any(gaps) or first > number:
            said.append(f"Only signed: what is here of {name} before its event {first}.")
    asked = f"Not proved: that no other event fits the filters {manifest['asked']}"
    rest = f"Not proved: that the {early} events from before histories are all there are."
    return said + [asked] * bool(manifest["asked"]) + [rest] * bool(early)


def check_span(folder: Path, manifest: Json, leaf: Any, point: Any) -> list[str]:
    seq, last, first = 0, "", (0, "", "")
    for line, content in check_events(folder, manifest["chain"]):
        first = first if seq else (line["seq"], line["prev"], content["at"])
        follows = seq == 0 or (line["seq"], line["prev"]) == (seq + 1, last)
        need(follows, f"Event #{seq + 1} is missing, or was replaced.")
        seq, last = line["seq"], line["hash"]
    need(seq and (seq, last) == (leaf["seq"], leaf["hash"]), "The last events are missing.")
    begins = first[:2] == (1, GENESIS) or first[2] < manifest["from"]
    need(begins, "The first events of the span are missing.")
    until = f"{min(manifest['until'], point['at'])} by the panel's clock"
    said = f"Proved: events #{first[0]} to #{seq} follow each other without a gap, and hold all "
    return [f"{said}that was recorded in this chain from {manifest['from']} to {until}."]


def verify(folder: Path) -> list[str]:
    manifest, keys = check_members(folder)
    points = check_checkpoints(folder, keys)
    proofs = json.loads((folder / "proofs.json").read_bytes())
    point, leaf = points[proofs["checkpoint"]], json.loads(proofs["chain"]["leaf"])
    fits = leaf["chain"] == manifest["chain"] and root_from(proofs["chain"]) == point["root"]
    need(fits, "The proof for the chain does not lead to the checkpoint.")
    said = [f"Proved: no file was changed since it was signed on {manifest['made']}."]
    said += [f"'Then' is checkpoint #{point['number']} of {point['at']}, signed as well."]
    if manifest["scope"] == "histories":
        said += check_histories(folder, manifest, proofs["targets"], leaf["targets_root"])
    else:
        said += check_span(folder, manifest, leaf, point)
    said += [f"Compare by another way: the key {key} is {keys[key]}." for key in sorted(keys)]
    said.append("Not proved: whose keys these are, until you have compared them; that the panel's")
    return [*said, "operator told the truth before signing; anything later than the checkpoint."]


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        sys.stdout.write("\n".join(verify(Path(__file__).resolve().parent)) + "\n")
    except Wrong as wrong:
        sys.exit(f"NOT IN ORDER. {wrong}")
    except Exception as error:
        sys.exit(f"NOT IN ORDER. A file is missing or cannot be read ({type(error).__name__}).")
