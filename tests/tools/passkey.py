"""A passkey in software: what a browser and its authenticator would answer."""

import os
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

_FLAG = AuthenticatorData.FLAG


class Passkey:
    def __init__(self, origin: str, *, verifies: bool = True) -> None:
        """`verifies`: asks for a finger or a PIN, as one that stands alone has to."""
        self.origin = origin
        self.user_handle = ""
        self._flags = _FLAG.UP | (_FLAG.UV if verifies else _FLAG(0))
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._id = os.urandom(16)

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        public = options["publicKey"]
        self.user_handle = public["user"]["id"]
        selection = public["authenticatorSelection"]
        credential = AttestedCredentialData.create(
            b"\0" * 16, self._id, ES256.from_cryptography_key(self._key.public_key())
        )
        data = AuthenticatorData.create(
            _hash(public["rp"]["id"].encode()), self._flags | _FLAG.AT, 1, credential
        )
        client_data = self._client_data("webauthn.create", public["challenge"])
        return self._answer(
            client_data,
            {"attestationObject": websafe_encode(AttestationObject.create("none", data, {}))},
            {"credProps": {"rk": selection.get("residentKey") != "discouraged"}},
        )

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        public = options["publicKey"]
        data = AuthenticatorData.create(_hash(public["rpId"].encode()), self._flags, 2)
        client_data = self._client_data("webauthn.get", public["challenge"])
        signature = self._key.sign(data + client_data.hash, ec.ECDSA(SHA256()))
        return self._answer(
            client_data,
            {
                "authenticatorData": websafe_encode(data),
                "signature": websafe_encode(signature),
                "userHandle": self.user_handle,
            },
            {},
        )

    def _client_data(self, kind: str, challenge: str) -> CollectedClientData:
        return CollectedClientData.create(
            type=kind, challenge=websafe_decode(challenge), origin=self.origin
        )

    def _answer(
        self, client_data: CollectedClientData, response: dict[str, str], extensions: dict[str, Any]
    ) -> dict[str, Any]:
        return {
            "id": websafe_encode(self._id),
            "rawId": websafe_encode(self._id),
            "type": "public-key",
            "response": {"clientDataJSON": websafe_encode(client_data), **response},
            "clientExtensionResults": extensions,
        }


def _hash(data: bytes) -> bytes:
    digest = Hash(SHA256())
    digest.update(data)
    return digest.finalize()
