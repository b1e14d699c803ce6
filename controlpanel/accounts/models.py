from typing import Any, ClassVar
from uuid import uuid4

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from controlpanel.accounts.policy import ROLES, Role
from controlpanel.lib import clock


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username or "")


class User(AbstractBaseUser):
    id = models.UUIDField(primary_key=True, default=uuid4)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)
    is_demo = models.BooleanField(default=False)
    date_joined = models.DateTimeField(default=clock.now)

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
    created_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return self.name

    @property
    def chain(self) -> str:
        """Name of this team's audit chain."""
        return str(self.id)


class Membership(models.Model):
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=40)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("team", "user"), name="membership_once_a_team"),
        )

    def __str__(self) -> str:
        return f"{self.user_id} in {self.team_id} as {self.role}"

    @property
    def role_data(self) -> Role | None:
        return ROLES.get(self.role)


class Account(models.Model):
    """A VPS.org account that a team works with."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="accounts")
    name = models.CharField(max_length=120)
    origin = models.CharField(max_length=255)
    # Keyed hash of the account's e-mail address, where `/account/me/` answers: enough to
    # recognise the account again, nothing personal kept.
    identity = models.CharField(max_length=120, blank=True)
    # False when the API answers in a shape that the panel can read but must not write.
    writable = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=("team", "name"), name="account_name_once_a_team"),
        )

    def __str__(self) -> str:
        return self.name
