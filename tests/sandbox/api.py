"""A bare client of the sandbox: what a test sends is what it says."""

from typing import Any

import requests

OWNER = "vps_sandbox_acme_owner_0001"
READ_ONLY = "vps_sandbox_acme_readonly_01"
REVOKED = "vps_sandbox_acme_revoked_001"
GLOBEX = "vps_sandbox_globex_owner_001"

NEW = {"name": "web-server-02", "plan_id": 1, "os_id": 5, "location": "us-west"}
EDIT = {"name": "renamed", "hostname": "renamed.example.com", "backups_enabled": False}


class Api:
    def __init__(self, origin: str, token: str | None = OWNER) -> None:
        self.origin = origin
        self._session = requests.Session()
        self._session.trust_env = False
        if token is not None:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        """`path` below `/api/v1`."""
        options = {"timeout": 10, "allow_redirects": False} | options
        return self._session.request(method, f"{self.origin}/api/v1{path}", **options)

    def get(self, path: str, **query: object) -> requests.Response:
        return self("GET", path, params=query)

    def post(self, path: str, data: object = None) -> requests.Response:
        return self("POST", path, json=data)

    def put(self, path: str, data: object) -> requests.Response:
        return self("PUT", path, json=data)

    def patch(self, path: str, data: object) -> requests.Response:
        return self("PATCH", path, json=data)

    def delete(self, path: str) -> requests.Response:
        return self("DELETE", path)

    def status(self, server_id: int = 12345) -> str:
        return str(self.get(f"/servers/{server_id}/").json()["status"])

    def control(self, method: str, path: str, data: object = None, **options: Any) -> Any:
        return requests.request(
            method, f"{self.origin}/_sandbox{path}", json=data, timeout=10, **options
        )

    def close(self) -> None:
        self._session.close()
