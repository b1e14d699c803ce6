"""docs/permissions.md says what the table of rights says."""

from controlpanel import env
from controlpanel.accounts import permissions, permissions_doc


def test_the_document_is_the_table():
    written = (env.ROOT / "docs" / "permissions.md").read_text(encoding="utf-8")
    assert written == permissions_doc.document(), "Run: make docs"


def test_every_right_and_role_has_a_line():
    text = permissions_doc.document()
    for name in permissions.PERMISSIONS:
        assert f"| `{name}` |" in text
    for role in permissions.ROLES.values():
        assert f"| {role.label} | {role.meaning} |" in text


def test_a_line_says_who_has_the_right():
    line = next(
        line
        for line in permissions_doc.document().splitlines()
        if line.startswith("| `servers.delete`")
    )
    assert line.endswith("| yes | yes | – | – | – |")
