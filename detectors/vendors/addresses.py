"""Where faces and keys may go."""

from urllib.parse import urlsplit


def insecure(url: str) -> str:
    """Why faces and keys must not go to an address; "" where they may.

    >>> insecure("https://api.vendor.example"), insecure("http://127.0.0.1:8000")
    ('', '')
    >>> insecure("http://api.vendor.example")
    "expected https, got 'http://api.vendor.example': faces and keys would go unprotected"
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        return f"not an address: {url!r} ({error})"
    if parts.scheme not in ("https", "http") or not host:
        return f"expected an address that begins with https://, got {url!r}"
    if parts.username or parts.password:
        return "an address must not hold a password; name an environment variable in auth"
    if parts.scheme == "http" and not is_loopback(host):
        return f"expected https, got {url!r}: faces and keys would go unprotected"
    return ""


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    return host in ("localhost", "127.0.0.1", "::1")
