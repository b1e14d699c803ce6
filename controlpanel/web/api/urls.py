"""Addresses below a team's own."""

from django.urls import path

from controlpanel.web.api import api_docs, panel_keys

urlpatterns = [
    path("panel-keys/", panel_keys.list_keys, name="panel-keys"),
    path("panel-keys/new/", panel_keys.new, name="panel-key-new"),
    path("panel-keys/<uuid:key_id>/rotate/", panel_keys.rotate, name="panel-key-rotate"),
    path("panel-keys/<uuid:key_id>/revoke/", panel_keys.revoke, name="panel-key-revoke"),
    path("api/", api_docs.show, name="api"),
]
