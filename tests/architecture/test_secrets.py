"""Who touches a token, found in the code: import rules cannot tell a use from a type."""

import ast

import pytest

from tests.architecture.tree import ROOT, files


def callers(name: str) -> set[str]:
    found = set()
    for path in files():
        module = str(path.relative_to(ROOT))
        if path.suffix != ".py" or not module.startswith("controlpanel/"):
            continue
        calls = (
            node.func
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
        )
        if any(name in (getattr(call, "id", ""), getattr(call, "attr", "")) for call in calls):
            found.add(module)
    return found


def test_only_credentials_clients_builds_a_client() -> None:
    assert callers("Client") == {"controlpanel/credentials/tokens/clients.py"}


def test_only_credentials_clients_opens_a_token() -> None:
    assert callers("open_sealed") <= {
        "controlpanel/credentials/tokens/clients.py",
        "controlpanel/accounts/signin/mfa_adapter.py",  # second factors
        "controlpanel/outgoing/sealed_bodies.py",  # what waits to be sent
    }


@pytest.mark.parametrize("package", ["web", "operations", "servers", "accounts", "audit"])
def test_the_upper_packages_reveal_nothing(package: str) -> None:
    revealing = {name for name in callers("reveal") if name.startswith(f"controlpanel/{package}/")}
    assert revealing <= {
        # The demo's tokens open a sandbox and nothing else; it compares fingerprints only.
        "controlpanel/runtime/management/commands/demo.py",
        # The one page that a panel key is ever on.
        "controlpanel/web/api/panel_keys.py",
        # allauth checks a code against the secret itself.
        "controlpanel/accounts/signin/mfa_adapter.py",
        # allauth sends the client's secret to the OpenID provider.
        "controlpanel/accounts/signin/openid.py",
        # The token of an invitation goes into its mail.
        "controlpanel/accounts/teams/invitations.py",
        "controlpanel/accounts/teams/invitation_mail.py",
    }
