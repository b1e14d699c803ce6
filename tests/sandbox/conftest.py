from tests.contract.conftest import api, api_as, provider, provider_server

__all__ = ["api", "api_as", "provider", "provider_server"]
