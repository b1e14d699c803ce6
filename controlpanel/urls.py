from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from controlpanel.web.frame import errors
from controlpanel.web.frame import views as frame_views
from controlpanel.web.profile import urls as profile_urls
from controlpanel.web.team import invitations
from controlpanel.web.team import views as team_views

_team: list[URLPattern | URLResolver] = [
    path("", frame_views.team, name="team"),
    path("", include("controlpanel.web.servers.urls")),
    path("", include("controlpanel.web.operations.urls")),
    path("", include("controlpanel.web.audit.urls")),
    path("", include("controlpanel.web.credentials.urls")),
    path("", include("controlpanel.web.api.urls")),
    path("", include("controlpanel.web.team.urls")),
]

urlpatterns = [
    path("", frame_views.home, name="home"),
    path("healthz", frame_views.healthz, name="healthz"),
    path("favicon.ico", RedirectView.as_view(url="/static/favicon.ico"), name="favicon"),
    path("styleguide/", frame_views.styleguide, name="styleguide"),
    path("", include(profile_urls)),
    path("invitations/<str:token>/", invitations.accept, name="invitation"),
    path("teams/new/", team_views.new, name="team-new"),
    path("teams/<slug:team>/", include(_team)),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
