from typing import Any, ClassVar, Protocol
from uuid import uuid4

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models, transaction
from django.db.models.functions import Lower

from controlpanel.lib import clock
from controlpanel.lib.email_address import folded
from controlpanel.lib.scope import EVERYTHING, Reach


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Made by somebody who vouches for the address: nobody can sign up by themselves."""
        from allauth.account.models import EmailAddress

        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        with transaction.atomic(using=self._db):
            user.save(using=self._db)
            EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        user = self.with_address(username or "")
        if user is None:
            raise self.model.DoesNotExist
        return user

    def with_address(self, address: str) -> "User | None":
        """Whose address this is, in any case. None also for one that is not all ASCII."""
        name = folded(address)
        return self.filter(email=name).first() if name else None


class User(AbstractBaseUser):
    id = models.UUIDField(primary_key=True, default=uuid4)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)
    is_demo = models.BooleanField(default=False)
    date_joined = models.DateTimeField(default=clock.now)
    # Their own settings; empty: UTC, as the system has it, comfortable.
    time_zone = models.CharField(max_length=64, blank=True)
    theme = models.CharField(max_length=8, blank=True)
    density = models.CharField(max_length=8, blank=True)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        constraints = (models.UniqueConstraint(Lower("email"), name="user_email_once"),)

    def __str__(self) -> str:
        return self.email


class Team(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid4)
    slug = models.SlugField(max_length=50, unique=True)
    name = models.CharField(max_length=120)
    # One of `accounts.colours`; keeps apart at a glance whose servers a page shows.
    colour = models.CharField(max_length=12, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    # Nobody enters it any more; its records stay.
    closed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name

    @property
    def chain(self) -> str:
        """Name of this team's audit chain."""
        return str(self.id)


class Membership(models.Model):
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    # Slug of a built-in role or of one of the team's own.
    role = models.CharField(max_length=40)
    # Which servers it is for: all, those with one of `reach_labels`, or `reach_servers`.
    reach_kind = models.CharField(max_length=10, default="all")
    reach_labels = models.JSONField(default=list)
    reach_servers = models.JSONField(default=list)
    suspended_at = models.DateTimeField(null=True)
    # Exact to a minute.
    last_active_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("team", "user"), name="membership_once_a_team"),
        )

    def __str__(self) -> str:
        return f"{self.user_id} in {self.team_id} as {self.role}"

    @property
    def reach(self) -> Reach:
        return reach_of(self)


class Invitation(models.Model):
    """Bound to one address, used once, within 72 hours. Only a digest of its token is kept."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=40)
    reach_kind = models.CharField(max_length=10, default="all")
    reach_labels = models.JSONField(default=list)
    reach_servers = models.JSONField(default=list)
    digest = models.CharField(max_length=64, unique=True)
    # Copied as values: it shows who invited, also when they have left.
    invited_by_id = models.CharField(max_length=64)
    invited_by_name = models.CharField(max_length=254)
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.email} to {self.team_id}"

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= clock.now()


class HasReach(Protocol):
    reach_kind: Any
    reach_labels: Any
    reach_servers: Any


def reach_of(row: HasReach) -> Reach:
    if row.reach_kind == "all":
        return EVERYTHING
    return Reach(
        kind="labels" if row.reach_kind == "labels" else "servers",
        labels=frozenset(row.reach_labels),
        servers=frozenset(row.reach_servers),
    )


class OwnershipOffer(models.Model):
    """An owner wants to hand the team over; it happens when the receiver says yes."""

    team = models.OneToOneField(
        Team, on_delete=models.CASCADE, primary_key=True, related_name="ownership_offer"
    )
    giver = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    receiver = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.team_id} to {self.receiver_id}"


class TeamRole(models.Model):
    """A team's own role: a copy of a built-in one, with rights ticked on and off."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="roles")
    slug = models.SlugField(max_length=40)
    name = models.CharField(max_length=80)
    permissions = models.JSONField(default=list)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("team", "slug"), name="team_role_once_a_team"),
        )

    def __str__(self) -> str:
        return self.name


class TeamPolicy(models.Model):
    """What an owner asks of everybody in the team. No row: nothing beyond the panel's rules."""

    team = models.OneToOneField(
        Team, on_delete=models.CASCADE, primary_key=True, related_name="policy"
    )
    # Kinds of operations for which a reason must be given, and labels of servers for every kind.
    reason_kinds = models.JSONField(default=list)
    reason_labels = models.JSONField(default=list)
    # Whoever has no API token of their own may change servers with an account's service token.
    service_tokens = models.BooleanField(default=False)
    # From this day, 00:00 UTC, only with a second step.
    mfa_from = models.DateField(null=True)
    # A sign-in ends after so long without a click, and after so long in all.
    idle_minutes = models.PositiveIntegerField(null=True)
    session_hours = models.PositiveIntegerField(null=True)

    def __str__(self) -> str:
        return str(self.team_id)


class Account(models.Model):
    """A VPS.org account that a team works with."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="accounts")
    name = models.CharField(max_length=120)
    colour = models.CharField(max_length=12, blank=True)
    origin = models.CharField(max_length=255)
    # Keyed hash of the account's e-mail address, where `/account/me/` answers: enough to
    # recognise the account again, nothing personal kept.
    identity = models.CharField(max_length=120, blank=True)
    # False when the API answers in a shape that the panel can read but must not write.
    writable = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.now)
    # Until then VPS.org wants no calls for it; and when somebody last had it asked all the same.
    wait_until = models.DateTimeField(null=True)
    asked_again_at = models.DateTimeField(null=True)
    # Its servers and tokens are gone from here then; operations and records still name it.
    disconnected_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(
                fields=("team", "name"),
                condition=models.Q(disconnected_at=None),
                name="account_name_once_a_team",
            ),
        )

    def __str__(self) -> str:
        return self.name
