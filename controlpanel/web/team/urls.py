"""Addresses below a team's own."""

from django.urls import path

from controlpanel.web.team import (
    effective_access,
    invitations,
    members,
    mfa_required,
    offboarding,
    ownership,
    policies,
    roles,
    views,
)

urlpatterns = [
    path("members/", members.list_members, name="members"),
    path("members/invite/", invitations.invite, name="invite"),
    path("members/leave/", offboarding.leave, name="leave"),
    path("members/ownership/", ownership.answer, name="ownership-answer"),
    path("members/ownership/withdraw/", ownership.withdraw, name="ownership-withdraw"),
    path("members/<uuid:user_id>/", members.change, name="member"),
    path("members/<uuid:user_id>/access/", effective_access.show, name="access"),
    path("members/<uuid:user_id>/suspend/", members.suspend, name="member-suspend"),
    path("members/<uuid:user_id>/restore/", members.restore, name="member-restore"),
    path("members/<uuid:user_id>/remove/", offboarding.remove, name="member-remove"),
    path("members/revocations/", offboarding.revocations, name="revocations"),
    path("members/<uuid:user_id>/ownership/", ownership.offer, name="ownership-offer"),
    path(
        "members/invitations/<uuid:invitation_id>/resend/",
        invitations.resend,
        name="invitation-resend",
    ),
    path(
        "members/invitations/<uuid:invitation_id>/revoke/",
        invitations.revoke,
        name="invitation-revoke",
    ),
    path("policies/", policies.show, name="policies"),
    path("second-step/", mfa_required.show, name="second-step"),
    path("settings/", views.settings, name="team-settings"),
    path("close/", views.close, name="team-close"),
    path("roles/", roles.list_roles, name="roles"),
    path("roles/new/", roles.new, name="role-new"),
    path("roles/<slug:slug>/", roles.change, name="role"),
    path("roles/<slug:slug>/remove/", roles.remove, name="role-remove"),
]
