"""docs/permissions.md, made from the table of rights and roles: `make docs` writes it."""

from controlpanel.accounts.permissions import PERMISSIONS, ROLES, TEAM_WIDE

_HEAD = """\
# Rights and roles

Made by `make docs` from `controlpanel/accounts/permissions.py`; a test fails when it is stale.

A membership has a role, and it is for all servers of the team, for those with one of some labels,
or for chosen servers. What is out of reach does not exist for that person.
"""
_RULES = """\
## Rules

- The built-in roles stay as they are. A team copies one into a role of its own and ticks rights.
- Nobody grants a right, or access to servers, that they lack. Nobody changes their own membership.
- A right about the whole team counts only in a membership for all servers; with chosen servers or
  labels the role's other rights remain. That goes for members and invitations, roles, policies,
  review rules and where checkpoints go, accounts with their sync and service tokens, other people's
  panel keys, and closing or handing over the team. One's own tokens and panel keys, and reading,
  exporting and reviewing the log of the servers within reach, need no more than that reach.
- An invitation counts only while whoever sent it could still send it.
- Nobody changes the membership of somebody, or a role, with rights that they lack.
- The last owner cannot go. An owner is there for all servers.
- A role that somebody has, or is invited to, cannot be removed.
- A change acts on the next request, on open pages, and on work that has not been sent yet.
- Changing anything at VPS.org also needs an API token of one's own.
- A lock on a server binds everybody, whatever their role.
- A label that anybody's reach names is put on and taken off only by somebody who manages members; a
  label that a policy names, only with a reason.
- Whoever is there for labels gives a new server one of them; whoever is there for chosen servers
  creates none.
- The audit log of somebody who is there for some servers is the log of those servers, by the labels
  they had as of writing.
- What waits for review is signed off by somebody else than whose action it is, or who profits.
- Whoever reads the audit log reads the review queue and its rules. Signing off needs the right to
  review; changing the rules needs the right to set the team's policies.
"""


def document() -> str:
    return f"{_HEAD}\n{_roles()}\n{_rights()}\n{_RULES}"


def _roles() -> str:
    rows = [f"| {role.label} | {role.meaning} |" for role in ROLES.values()]
    return "\n".join(
        ("## Built-in roles", "", "| role | what it allows |", "| --- | --- |", *rows, "")
    )


def _rights() -> str:
    roles = ROLES.values()
    head = f"| right | allows to | whole team | {' | '.join(str(role.label) for role in roles)} |"
    line = f"| --- | --- | :---: |{' :---: |' * len(roles)}"
    rows = [
        f"| `{name}` | {words} | {'yes' if name in TEAM_WIDE else '–'} | "
        + " | ".join("yes" if name in role.permissions else "–" for role in roles)
        + " |"
        for name, words in PERMISSIONS.items()
    ]
    return "\n".join(("## Rights", "", head, line, *rows, ""))


if __name__ == "__main__":
    from django.conf import settings

    settings.configure(USE_I18N=False)
    print(document(), end="")  # noqa: T201 this is its purpose
