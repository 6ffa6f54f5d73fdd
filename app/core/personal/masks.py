"""Personal data for those who may not see it: enough to recognise what one knows. It hides nothing from the tables."""


def mask_email(address: str) -> str:
    """`anna@example.com` as `a***@example.com`."""
    name, at, domain = address.rpartition("@")
    return f"{name[:1]}***@{domain}" if at else "***"


def mask_phone(number: str) -> str:
    """`+49 30 1234567` as `***67`."""
    digits = "".join(filter(str.isdigit, number))
    return f"***{digits[-2:]}" if len(digits) > 4 else "***"


def mask_text(text: str) -> str:
    """`Lovelace` as `L***`: a name, an identifier."""
    return f"{text[:1]}***" if len(text) > 3 else "***"
