"""Addresses below a team's own."""

from django.urls import path

from controlpanel.web.servers import action_views, create_views, label_views, lock_views, views

urlpatterns = [
    path("servers/", views.list_servers, name="servers"),
    path("servers/new/", create_views.new, name="server-new"),
    path("servers/new/api/", create_views.as_script, name="server-new-api"),
    path("servers/<str:provider_id>/", views.show, name="server"),
    path("servers/<str:provider_id>/edit/", action_views.edit, name="server-edit"),
    path("servers/<str:provider_id>/start/", action_views.start, name="server-start"),
    path("servers/<str:provider_id>/stop/", action_views.stop, name="server-stop"),
    path("servers/<str:provider_id>/reboot/", action_views.reboot, name="server-reboot"),
    path("servers/<str:provider_id>/delete/", action_views.delete, name="server-delete"),
    path("servers/<str:provider_id>/labels/", label_views.edit, name="server-labels"),
    path("servers/<str:provider_id>/lock/", lock_views.lock, name="server-lock"),
    path("servers/<str:provider_id>/unlock/", lock_views.unlock, name="server-unlock"),
]
