"""Addresses below a team's own."""

from django.urls import path

from controlpanel.web.audit import (
    checkpoint_delivery,
    differences,
    exports,
    outside_changes,
    review_queue,
    review_rules,
    today,
    verification,
    views,
)

urlpatterns = [
    path("audit/", views.list_events, name="audit"),
    path("audit/new/", views.count_new, name="audit-new"),
    path("audit/suggest/", views.suggest, name="audit-suggest"),
    path("audit/requests/<str:request_id>/", views.show_request, name="audit-request"),
    path("audit/checkpoints/", checkpoint_delivery.show, name="audit-checkpoints"),
    path("audit/verification/", verification.show, name="audit-verification"),
    path("audit/differences/", differences.show, name="audit-differences"),
    path("audit/export/", exports.export, name="audit-export"),
    path("audit/export/<uuid:export_id>/", exports.show, name="audit-export-show"),
    path("audit/export/<uuid:export_id>/file/", exports.give, name="audit-export-file"),
    path("audit/outside/", outside_changes.list_changes, name="audit-outside"),
    path("audit/today/", today.today, name="audit-today"),
    path("audit/review/", review_queue.queue, name="audit-review"),
    path("audit/review/rules/", review_rules.rules, name="audit-review-rules"),
    path("audit/<int:seq>/", views.show, name="audit-event"),
]
