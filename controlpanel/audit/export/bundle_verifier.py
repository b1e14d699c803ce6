"""Checks this bundle: run `python3 verify.py [PUBLIC_KEY ...]` in its folder. It needs no network.

Exit code 0: it says what is proved. 1: the bundle is not in order, and the first reason is named.
"""

import sys

if __name__ == "__main__" and not sys.flags.isolated:  # no json.py beside this file may run
    system = sys.modules.get("posix") or sys.modules["nt"]
    system.execv(sys.executable, [sys.executable, "-I", "-S", "-B", *sys.argv])

import json
import re
from hashlib import sha256, sha512
from pathlib import Path
from typing import Any

MEMBERS = ["checkpoints.jsonl", "events.jsonl", "keys.json", "proofs.json", "report.txt"]
FILES = {*MEMBERS, "manifest.json", "manifest.sig", "verify.py"}
TIME, KEY_ID = "[0-9]{4}(-[0-9]{2}){2}T[0-9:]{8}[.][0-9]{6}Z", "[a-z][a-z-]{0,30}-[1-9][0-9]{0,5}"
PLAIN = f"[0-9]{{1,15}}|'({TIME}|{KEY_ID}|[0-9a-f]{{64}})'"
NOBODYS = "NOT PROVED: whose signature this is, since no public key was given to compare with."
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
X, Y = 0x216936D3CD6E53FEC0A4E231FDD6DC5C692CC7609525A7B2C9562D608F25D51A, 4 * pow(5, P - 2, P) % P


def need(holds: Any, sentence: str) -> None:
    if not holds:
        raise AssertionError(sentence)


def shown(said: Any) -> str:
    """What stands in a bundle, so that nobody takes it for words of this program."""
    return said if re.fullmatch("[A-Za-z0-9:@._=&%+-]{1,300}", str(said)) else ascii(said)


def plain(*values: Any) -> None:
    wrong = [one for one in values if not re.fullmatch(PLAIN, repr(one))]
    need(not wrong, f"No count, time, hash or key is written like this: {wrong!a}.")


def read(text: bytes) -> Any:
    """Not what others may take for something else: a name twice, 1e999, -0, numbers too long."""
    found = json.loads(text.decode(), parse_int=lambda digits: int(digits[:16]))
    again = json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
    need(b"".join(again.split()) == b"".join(text.split()), "A file can be read in two ways.")
    return found


def signed(public: str, message: bytes, signature: str) -> bool:  # Ed25519, RFC 8032, 5.1.7
    def add(p: Any, q: Any) -> Any:
        a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
        c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
        e, f, g, h = b - a, d - c, d + c, b + a
        return (e * f % P, g * h % P, f * g % P, e * h % P)

    def times(factor: int, point: Any) -> Any:
        half = times(factor >> 1, add(point, point)) if factor else (0, 1, 1, 0)
        return add(half, point) if factor & 1 else half

    plain(public, signature[:64], signature[64:])
    key, start, end = (bytes.fromhex(one) for one in (public, signature[:64], signature[64:]))
    odd, y = divmod(int.from_bytes(key, "little"), 2**255)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x * pow(2, (P - 1) // 4, P) % P if (x * x - square) % P else x
    need(y < P and not (x * x - square) % P and (x or not odd), "A public key is not one.")
    x = P - x if (x & 1) == odd else x  # the point's opposite
    k, s = (int.from_bytes(one, "little") for one in (sha512(start + key + message).digest(), end))
    x, y, z, _ = add(times(s, (X, Y, 1, X * Y % P)), times(k % L, (x, y, 1, x * y % P)))
    x, y = (one * pow(z, P - 2, P) % P for one in (x, y))
    return s < L and (y | (x & 1) << 255).to_bytes(32, "little") == start


def root_from(proof: Any) -> str:  # RFC 9162
    plain(proof["salt"], proof["index"], proof["size"], *proof["path"])
    path, index, last = list(proof["path"]), proof["index"], proof["size"] - 1
    here = sha256(b"\0" + bytes.fromhex(proof["salt"]) + proof["leaf"].encode()).hexdigest()
    while last > 0:
        if index % 2 or index < last:
            pair = path.pop(0) + here if index % 2 else here + path.pop(0)
            here = sha256(b"\1" + bytes.fromhex(pair)).hexdigest()
        index, last = index // 2, last // 2
    need(proof["index"] < proof["size"] and not path, "A proof does not fit its tree.")
    return here


def check_files(folder: Path, expected: Any) -> tuple[Any, dict[int, Any], list[str]]:
    foreign = sorted({one.name for one in folder.iterdir()} - FILES)
    need(not foreign, f"These are no files of a bundle: {foreign!a}.")
    text, keys = (folder / "manifest.json").read_bytes(), read((folder / "keys.json").read_bytes())
    manifest, sig = read(text), (folder / "manifest.sig").read_bytes().decode()
    need(manifest["v"] == 2, "This bundle is of a format that this verifier does not know.")
    for name in MEMBERS:
        digest = sha256()
        for part in (folder / name).open("rb"):
            digest.update(part)
        need(digest.hexdigest() == manifest["members"][name], f"{name} was changed.")
    plain(*keys, *keys.values(), *(manifest.get(one, 0) for one in ("v", "made", "from", "until")))
    need(not expected or {*keys.values()} <= {*expected}, "It was signed with a key not given.")
    fits = sig[-1:] == "\n" and signed(keys[manifest["key"]], b"bundle\0" + text, sig[:-1])
    need(fits, "The manifest, its signature or keys.json was changed.")
    points, follows = {}, (0, "")
    for line in map(read, (folder / "checkpoints.jsonl").open("rb")):
        message = b"checkpoint\0" + line["statement"].encode()
        said = read(message[11:])
        place = said["number"], said["previous"]
        plain(*place, said["at"])
        need(follows in ((0, ""), place), f"Checkpoint #{place[0]} does not follow the one before.")
        fits = line["key"] == said["key"] and signed(keys[said["key"]], message, line["signature"])
        need(fits, f"The signature of checkpoint #{place[0]} does not fit.")
        follows, points[place[0]] = (place[0] + 1, sha256(message).hexdigest()), said
    return manifest, points, [f"The key {key} is {keys[key]}." for key in sorted(keys)]


def check_events(folder: Path, chain: str) -> Any:
    place, last = chain.encode(), 0
    for line in map(read, (folder / "events.jsonl").open("rb")):
        seq, text = line["seq"], line["canonical"].encode()
        content = read(text)
        plain(seq, line["prev"], content["v"], content["at"], content["target"].get("seq", 0))
        data = len(place).to_bytes(2, "big") + place + seq.to_bytes(8, "big")
        found = sha256(b"\0" + data + bytes.fromhex(line["prev"]) + text).hexdigest()
        need(found == line["hash"] and seq > last, f"Event #{seq} was changed or moved.")
        last = seq
        yield line, content


def check_histories(folder: Path, manifest: Any, chain: Any, _: Any, proofs: Any) -> list[str]:
    said, early, proofs = [], 0, proofs["targets"]
    stands: Any = {(one["kind"], one["id"]): [0, "0" * 64, dict(one["gaps"])] for one in proofs}
    need(len(stands) == len(proofs), "A target stands twice in proofs.json.")
    for line, content in check_events(folder, manifest["chain"]):
        target = content["target"]
        stand = stands.get((target["kind"], target["id"]))
        need(stand, f"Event #{line['seq']} is about something else.")
        if content["v"] == 1 and stand[0] == 0:
            early += 1
            continue
        gap = stand[2].get(stand[0], 0) == target["seq"] > stand[0] + 1
        fits = gap or (target["seq"], target["prev"]) == (stand[0] + 1, stand[1])
        need(fits, f"Before event #{line['seq']}, an event of its target is missing.")
        stand[:2] = target["seq"], line["hash"]
    for one in proofs:
        name = f"{shown(one['kind'])} {shown(one['id'])}"
        number, last, gaps = stands[one["kind"], one["id"]]
        plain(*gaps, *gaps.values())
        need(number == one["last"], f"The last events of {name} are missing.")
        first = max([1, *gaps.values()]) if one["proof"] else number + 1
        if one["proof"]:
            leaf = {"chain": manifest["chain"], "hash": last, "kind": one["kind"], "seq": number}
            fits = read(one["proof"]["leaf"].encode()) == {**leaf, "target": one["id"]}
            fits = fits and root_from(one["proof"]) == chain["targets_root"]
            need(fits, f"The proof for {name} does not fit.")
            those = f"these {number} events" if first == 1 else f"its events from {first} on"
            said.append(f"Proved: {those} are the complete history of {name} until then.")
        if any(gaps) or first > number:
            said.append(f"Only signed: what is here of {name} before its event {first}.")
    asked = f"Not proved: that no other event fits the filters {shown(manifest['asked'])}"
    rest = f"Not proved: that the {early} events from before histories are all there are."
    return said + [asked] * bool(manifest["asked"]) + [rest] * bool(early)


def check_span(folder: Path, manifest: Any, leaf: Any, point: Any, _: Any) -> list[str]:
    seq, last, first = 0, "", (0, "", "")
    for line, content in check_events(folder, manifest["chain"]):
        first = first if seq else (line["seq"], line["prev"], content["at"])
        follows = seq == 0 or (line["seq"], line["prev"]) == (seq + 1, last)
        need(follows, f"Event #{seq + 1} is missing, or was replaced.")
        seq, last = line["seq"], line["hash"]
    need(seq and (seq, last) == (leaf["seq"], leaf["hash"]), "The last events are missing.")
    begins = first[:2] == (1, "0" * 64) or first[2] < manifest["from"]
    need(begins, "The first events of the span are missing.")
    until = f"{min(manifest['until'], point['at'])} by the panel's clock"
    said = f"Proved: events #{first[0]} to #{seq} follow each other without a gap, and hold all "
    return [f"{said}that was recorded in this chain from {manifest['from']} to {until}."]


def verify(folder: Path, expected: Any = ()) -> list[str]:
    manifest, points, keys = check_files(folder, expected)
    proofs = read((folder / "proofs.json").read_bytes())
    point, leaf = points[proofs["checkpoint"]], read(proofs["chain"]["leaf"].encode())
    fits = leaf["chain"] == manifest["chain"] and root_from(proofs["chain"]) == point["root"]
    need(fits, "The proof for the chain does not lead to the checkpoint.")
    check = check_histories if manifest["scope"] == "histories" else check_span
    whose = "Proved: it was signed with keys that you gave." if expected else NOBODYS
    then = f"'Then' is checkpoint #{point['number']} of {point['at']}, signed as well."
    late = "Not proved: that the panel told the truth before it signed; anything later than then."
    made = f"Proved: no file was changed since it was signed on {manifest['made']}."
    return [made, then, *check(folder, manifest, leaf, point, proofs), whose, *keys, late]


if __name__ == "__main__":
    try:
        sys.stdout.write("\n".join(verify(Path(__file__).resolve().parent, sys.argv[1:])) + "\n")
    except AssertionError as wrong:
        sys.exit(f"NOT IN ORDER. {wrong}")
    except Exception as error:
        sys.exit(f"NOT IN ORDER. A file is missing or cannot be read ({type(error).__name__}).")
