from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from controlpanel.lib.secret import Secret
from controlpanel.sandbox.server import Sandbox
from controlpanel.vpsorg.client import Client
from controlpanel.vpsorg.session import tls

OWNER = "vps_sandbox_acme_owner_0001"


@pytest.fixture
def client(sandbox: Sandbox) -> Client:
    return Client(sandbox.url, Secret(OWNER))


@pytest.fixture
def client_at() -> Callable[..., Client]:
    """A client for any address."""

    def make(url: str, token: str = OWNER, **seconds: Any) -> Client:
        return Client(url, Secret(token), **({"total": 10.0} | seconds))

    return make


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    """PEM file with the key and a certificate for localhost that nobody signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return str(path)


@pytest.fixture
def trusting(certificate: str, client_at: Callable[..., Client]) -> Iterator[Callable[..., Client]]:
    """A client, by https and name, that trusts that certificate."""
    tls.cache_clear()
    tls().load_verify_locations(certificate)

    def make(url: str, **seconds: float) -> Client:
        return client_at(url.replace("http://127.0.0.1", "https://localhost"), **seconds)

    yield make
    tls.cache_clear()
