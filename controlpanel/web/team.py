from django.http import HttpRequest, HttpResponseBase

from controlpanel.accounts import policy, selectors
from controlpanel.lib.scope import Scope
from controlpanel.web.door import door
from controlpanel.web.htmx import page


@door("members.view")
def list_members(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    context = {
        "members": selectors.members(scope),
        "roles": policy.ROLES.values(),
        "own_id": scope.user_id,
    }
    return page(request, "team/members.html", context)
