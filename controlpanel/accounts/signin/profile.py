"""What people set for themselves, and what of it is on the record."""

from typing import Final

from django.db import transaction
from django.http import HttpRequest

from controlpanel.accounts.models import User
from controlpanel.accounts.signin.person_events import record_own

FIELDS: Final = ("name", "time_zone", "theme", "density")


def save(request: HttpRequest, user: User) -> None:
    """`user` holds what they are to be. Nothing is recorded where nothing is changed."""
    with transaction.atomic():
        kept = User.objects.select_for_update().get(id=user.id)
        changed = [name for name in FIELDS if getattr(kept, name) != getattr(user, name)]
        if not changed:
            return
        user.save(update_fields=changed)
        data = {
            "before": {name: getattr(kept, name) for name in changed},
            "after": {name: getattr(user, name) for name in changed},
        }
        record_own("person.changed", request, user, data=data)
