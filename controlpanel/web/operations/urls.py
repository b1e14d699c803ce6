"""Addresses below a team's own."""

from django.urls import path

from controlpanel.web.operations import views

urlpatterns = [
    path("operations/", views.list_operations, name="operations"),
    path("operations/<uuid:operation_id>/", views.show, name="operation"),
    path("operations/<uuid:operation_id>/adopt/", views.adopt, name="operation-adopt"),
    path("operations/<uuid:operation_id>/confirm/", views.confirm, name="operation-confirm"),
    path("operations/<uuid:operation_id>/dismiss/", views.dismiss, name="operation-dismiss"),
    path("operations/<uuid:operation_id>/close/", views.close, name="operation-close"),
]
