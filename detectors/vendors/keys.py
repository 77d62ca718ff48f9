"""Keys: read from the environment, kept out of everything that is written."""

import base64
import json
import os
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from .binding import BadDescription
from .service_description import HttpService

REDACTED = "<key>"
_SHORTEST = 4  # below, taking it out of texts would take out half of them


class Keys:
    """A service's key and the other values that come from the environment.

    Args:
        service: whose.
        environment: by name.

    Raises:
        BadDescription: a variable is not set, or can't be a header's value; says which, never what.
    """

    def __init__(self, service: HttpService, environment: Mapping[str, str] = os.environ) -> None:
        self.variables = {
            name: _read(env, service, environment) for name, env in service.variables.items()
        }
        self.header: dict[str, str] = {}
        secrets = [*self.variables.values()]
        if service.auth:
            key = _read(service.auth.env, service, environment)
            secrets.append(key)
            self.header = {service.auth.header: service.auth.prefix + key}
        self._forms = _forms(secrets)

    def redact(self, text: str) -> str:
        """The text without any of them, in whatever form a service may send them back."""
        for form in self._forms:
            text = text.replace(form, REDACTED)
        return text

    def clean(self, value: Any) -> Any:
        """As `redact`, through everything that JSON holds."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, dict):
            return {self.redact(str(key)): self.clean(v) for key, v in value.items()}
        if isinstance(value, list):
            return [self.clean(v) for v in value]
        return value


def _read(env: str, service: HttpService, environment: Mapping[str, str]) -> str:
    key = environment.get(env, "").strip()
    if not key:
        raise BadDescription(
            f"{service.name}: the environment variable {env} is not set; it holds the key"
        )
    if not key.isascii() or not key.isprintable():
        raise BadDescription(
            f"{service.name}: the value of {env} has characters that a header can't hold"
        )
    if len(key) < _SHORTEST:
        raise BadDescription(
            f"{service.name}: the value of {env} has fewer than {_SHORTEST} characters: too few to "
            "keep it out of what is written"
        )
    return key


def _forms(secrets: Iterable[str]) -> list[str]:
    """Each secret as it may stand in texts: plain, in JSON, in an address, in base 64."""
    found = set()
    for secret in secrets:
        found |= {secret, json.dumps(secret)[1:-1], quote(secret, safe="")}
        found.add(base64.b64encode(secret.encode()).decode())
    return sorted(found, key=len, reverse=True)
