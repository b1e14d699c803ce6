"""Of people: sign-ins, teams, members, roles, policies, accounts and tokens."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from controlpanel.audit.events.event_type import EventType, event_type

PEOPLE: Final[tuple[EventType, ...]] = (
    event_type(
        "authn_login_success", _("Signed in"), _("%(actor)s signed in"), optional=("methods",)
    ),
    event_type(
        "authn_new_device",
        _("New device"),
        _("%(actor)s signed in with a browser that was not known before"),
    ),
    event_type(
        "authn_reauth_success",
        _("Asked again"),
        _("%(actor)s was asked again and showed that it is them (%(method)s)"),
        required=("method",),
    ),
    event_type(
        "authn_login_fail",
        _("Failed sign-in"),
        _("Somebody failed to sign in as %(target)s"),
    ),
    event_type("authn_logout", _("Signed out"), _("%(actor)s signed out")),
    event_type(
        "token.revoked_outside",
        _("Token revoked at VPS.org"),
        _("%(actor)s says that the token %(target)s is revoked at VPS.org"),
        ("account", "owner"),
    ),
    event_type(
        "member.changed",
        _("Membership changed"),
        _("%(actor)s changed the membership of %(target)s"),
        ("before", "after"),
    ),
    event_type("member.suspended", _("Suspended"), _("%(actor)s suspended %(target)s")),
    event_type("member.restored", _("Restored"), _("%(actor)s restored %(target)s")),
    event_type(
        "member.removed",
        _("Removed"),
        _("%(actor)s removed %(target)s from the team"),
        ("before",),
    ),
    event_type("member.left", _("Left"), _("%(target)s left the team"), ("before",)),
    event_type("invitation.sent", _("Invited"), _("%(actor)s invited %(target)s"), ("after",)),
    event_type(
        "invitation.revoked",
        _("Invitation revoked"),
        _("%(actor)s revoked the invitation of %(target)s"),
    ),
    event_type(
        "invitation.accepted",
        _("Invitation accepted"),
        _("%(target)s joined the team"),
        ("role", "invited_by"),
    ),
    event_type(
        "invitation.refused",
        _("Invitation refused"),
        _("%(actor)s tried an invitation for %(target)s and was refused"),
        ("why",),
    ),
    event_type(
        "ownership.offered",
        _("Ownership offered"),
        _("%(actor)s offered %(target)s to hand the team over"),
    ),
    event_type(
        "ownership.withdrawn",
        _("Offer withdrawn"),
        _("%(actor)s no longer offers %(target)s to hand the team over"),
    ),
    event_type(
        "ownership.declined",
        _("Offer declined"),
        _("%(target)s declined to take the team over"),
    ),
    event_type(
        "ownership.transferred",
        _("Ownership transferred"),
        _("%(target)s took the team over from %(giver)s"),
        ("giver", "before", "after"),
    ),
    event_type("role.added", _("Role added"), _("%(actor)s added the role %(target)s"), ("after",)),
    event_type(
        "role.changed",
        _("Role changed"),
        _("%(actor)s changed the role %(target)s"),
        ("before", "after"),
        # Ids of the people who had it, where it gives more than before.
        ("gains",),
    ),
    event_type(
        "role.removed", _("Role removed"), _("%(actor)s removed the role %(target)s"), ("before",)
    ),
    event_type(
        "authn_password_change",
        _("Password changed"),
        _("The password of %(target)s was changed"),
    ),
    event_type(
        "authn_password_reset_asked",
        _("New password asked for"),
        _("Somebody asked for a new password for %(target)s"),
    ),
    event_type(
        "authn_mfa_added",
        _("Second factor added"),
        _("%(actor)s added to the sign-in of %(target)s: %(method)s"),
        required=("method",),
    ),
    event_type(
        "authn_mfa_removed",
        _("Second factor removed"),
        _("%(actor)s removed from the sign-in of %(target)s: %(method)s"),
        required=("method",),
    ),
    event_type(
        "authn_mfa_renamed",
        _("Passkey renamed"),
        _("%(actor)s renamed the passkey “%(before)s” of %(target)s to “%(after)s”"),
        required=("before", "after"),
    ),
    event_type(
        "person.changed",
        _("Own settings changed"),
        _("%(actor)s changed their own settings"),
        required=("before", "after"),
    ),
    event_type(
        "authn_mfa_fail",
        _("Failed second factor"),
        _("Somebody gave a wrong code for %(target)s (%(method)s)"),
        required=("method",),
    ),
    event_type(
        "authn_recovery_code_used",
        _("Recovery code used"),
        _("%(target)s used a recovery code"),
    ),
    event_type(
        "authn_openid_linked",
        _("OpenID linked"),
        _("%(target)s signs in with %(name)s from now on"),
        required=("name",),
    ),
    event_type(
        "authn_openid_unlinked",
        _("OpenID unlinked"),
        _("%(actor)s took the link to %(name)s off the sign-in of %(target)s"),
        required=("name",),
    ),
    event_type(
        "authn_email_asked",
        _("New address asked for"),
        _("%(actor)s asked to sign in with %(address)s instead"),
        required=("address",),
    ),
    event_type(
        "authn_email_withdrawn",
        _("New address withdrawn"),
        _("%(actor)s no longer asks to sign in with %(address)s"),
        required=("address",),
    ),
    event_type(
        "authn_email_refused",
        _("New address not confirmed"),
        _("%(actor)s tried to confirm %(address)s for %(target)s, whose sign-in it is"),
        required=("address",),
    ),
    event_type(
        "authn_email_changed",
        _("Address changed"),
        _("The e-mail address %(before)s became %(after)s"),
        required=("before", "after"),
    ),
    event_type(
        "policy.changed",
        _("Policy changed"),
        _("%(actor)s changed the policies of %(target)s"),
        required=("before", "after"),
    ),
    event_type(
        "session.expired",
        _("Session over"),
        _("The session of %(target)s ended: %(after)s"),
        required=("limit", "after"),
    ),
    event_type(
        "session.ended",
        _("Session ended"),
        _("%(actor)s ended a session of %(target)s at %(address)s"),
        required=("address", "browser"),
    ),
    event_type(
        "authz_fail",
        _("Refused"),
        _("%(actor)s was refused in %(target)s: a right was missing"),
        optional=("permission", "path"),
    ),
    event_type(
        "authz_many_refused",
        _("Many refusals"),
        _(
            "%(actor)s was refused %(count)s more times from %(since)s to %(until)s, not recorded "
            "one by one"
        ),
        required=("count", "since", "until", "why", "addresses"),
    ),
    event_type(
        "token.stored",
        _("API token stored"),
        _("%(actor)s stored the API token %(target)s for %(account)s"),
        required=("account",),
    ),
    event_type(
        "token.replaced",
        _("API token replaced"),
        _("%(actor)s replaced their API token for %(account)s with %(target)s"),
        required=("account", "previous"),
    ),
    event_type(
        "token.removed",
        _("API token removed"),
        _("%(actor)s removed the API token %(target)s for %(account)s"),
        required=("account",),
    ),
    event_type(
        "token.refused",
        _("API token refused"),
        _("VPS.org refused the API token %(target)s of %(owner)s for %(account)s"),
        required=("account", "owner"),
    ),
    event_type(
        "account.connected",
        _("Account connected"),
        _("%(actor)s connected the VPS.org account %(target)s"),
        optional=("writable",),
    ),
    event_type(
        "account.changed",
        _("Account changed"),
        _("%(actor)s changed the VPS.org account %(target)s"),
        required=("before", "after"),
    ),
    event_type(
        "account.disconnected",
        _("Account disconnected"),
        _("%(actor)s disconnected the VPS.org account %(target)s"),
        required=("servers", "tokens"),
        optional=("keys",),
    ),
    event_type(
        "account.sync_token_chosen",
        _("Sync token chosen"),
        _("%(actor)s chose the API token of %(owner)s to read %(target)s with"),
        required=("fingerprint", "owner"),
    ),
    event_type(
        "account.asked_again",
        _("VPS.org asked again"),
        _("%(actor)s had VPS.org asked for %(target)s at once, though it wants to be left alone"),
    ),
    event_type(
        "account.service_token_chosen",
        _("Service token chosen"),
        _("%(actor)s made the API token of %(owner)s the service token “%(name)s” of %(target)s"),
        required=("name", "fingerprint", "owner"),
    ),
    event_type(
        "account.service_token_withdrawn",
        _("Service token withdrawn"),
        _("%(actor)s withdrew the service token “%(name)s” of %(target)s"),
        required=("name", "fingerprint", "owner"),
    ),
    event_type(
        "panel_key.issued",
        _("Panel key issued"),
        _("%(actor)s issued the panel key %(target)s for %(account)s"),
        required=("account", "owner", "fingerprint", "after"),
        optional=("replaces",),
    ),
    event_type(
        "panel_key.rotated",
        _("Panel key renewed"),
        _("%(actor)s renewed the panel key %(target)s; the old one works until %(until)s"),
        required=("account", "owner", "fingerprint", "until"),
    ),
    event_type(
        "panel_key.revoked",
        _("Panel key revoked"),
        _("%(actor)s revoked the panel key %(target)s of %(owner)s for %(account)s"),
        required=("account", "owner", "fingerprint"),
        optional=("why",),
    ),
    event_type(
        "panel_key.expiry_warned",
        _("Told of a key's end"),
        _("%(owner)s was told that the panel key %(target)s expires on %(expires)s"),
        required=("account", "owner", "fingerprint", "expires"),
    ),
    event_type(
        "panel_key.refused",
        _("Panel key refused"),
        {
            "missing": _("Somebody called the gateway without a panel key"),
            "malformed": _("Somebody called the gateway with what is no panel key"),
            "unknown": _("Somebody called the gateway with a panel key that is not known"),
            "expired": _("The panel key %(target)s of %(owner)s was refused: it has expired"),
            "revoked": _("The panel key %(target)s of %(owner)s was refused: it is revoked"),
            "disconnected": _(
                "The panel key %(target)s of %(owner)s was refused: %(account)s is disconnected"
            ),
            "address": _(
                "The panel key %(target)s of %(owner)s was refused: it is not for the address it "
                "came from"
            ),
            "team_closed": _(
                "The panel key %(target)s of %(owner)s was refused: the team is closed"
            ),
            "person_gone": _(
                "The panel key %(target)s of %(owner)s was refused: its creator is suspended, or "
                "no longer in the team"
            ),
            "differs": _(
                "The panel key %(target)s of %(owner)s was refused: it, or its creator, is not as "
                "the audit log says"
            ),
            "second_step": _(
                "The panel key %(target)s of %(owner)s was refused: its creator lacks the second "
                "step that the team asks for"
            ),
        },
        required=("phase", "account", "owner"),
    ),
    event_type(
        "panel_key.many_refused",
        _("Many panel keys refused"),
        _(
            "%(count)s more calls with panel keys that were refused from %(since)s to %(until)s "
            "were not recorded one by one"
        ),
        required=("count", "since", "until", "why", "addresses"),
    ),
    event_type(
        "team.created",
        _("Team created"),
        _("%(actor)s created the team %(target)s"),
        optional=("slug", "colour"),
    ),
    event_type(
        "team.changed",
        _("Team changed"),
        _("%(actor)s changed the team %(target)s"),
        required=("before", "after"),
    ),
    event_type(
        "team.closed",
        _("Team closed"),
        _("%(actor)s closed the team %(target)s"),
        required=("accounts", "tokens"),
        optional=("keys",),
    ),
    event_type(
        "member.added",
        _("Member added"),
        _("%(actor)s added %(target)s to the team as %(role)s"),
        required=("role",),
    ),
)
