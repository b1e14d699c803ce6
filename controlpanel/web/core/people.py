"""People in sentences, and where somebody is told why they cannot do something."""

from django.urls import reverse
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from controlpanel.accounts.models import User
from controlpanel.lib.scope import Scope


def why_url(scope: Scope, permission: str = "") -> str:
    """The page that answers "why can't I?"."""
    if scope.user_id is None:
        return ""
    url = reverse("access", args=[scope.team_slug, scope.user_id])
    return f"{url}?right={permission}#right-{permission}" if permission else url


def names_of(people: list[User]) -> str:
    """ "Alice, Adam or Olga" ."""
    return get_text_list([person.name or person.email for person in people], _("or"))
