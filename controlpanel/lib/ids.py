import secrets


def new_form_id() -> str:
    """Hidden in a form: the same one again gives the same receipt."""
    return secrets.token_hex(16)
