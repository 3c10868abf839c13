"""Who is answered: a browser on this machine that has the address. Anybody else gets a status and one sentence.

The console listens on 127.0.0.1 alone, which other pages of the same browser can reach too. Four things keep them out:
the token in the path; the Host header, which a name that was rebound to 127.0.0.1 does not match
(https://owasp.org/www-community/attacks/DNS_Rebinding); Origin and Sec-Fetch-Site, by which a browser says that another
page asks (https://www.w3.org/TR/fetch-metadata/); and headers by which it keeps answers from other origins.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

LOOPBACK = "127.0.0.1"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What a page of the console may load: its own script and style sheet, nothing inline, nothing from elsewhere."""
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every answer, refusals too."""
_METHODS = ("GET", "HEAD")
_HTTP_PORT = 80


class Refusal(NamedTuple):
    """Why a request is not answered: a status and a sentence."""

    status: int
    sentence: str


def new_token() -> str:
    """A token of 256 random bits, as it stands in an address."""
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Guard:
    """What a request must have.

    token: the first part of the path. port: that the console listens on.
    """

    token: str
    port: int

    @property
    def base(self) -> str:
        """What the paths of all pages begin with."""
        return f"/{self.token}/"

    @property
    def address(self) -> str:
        """What a person opens."""
        return f"http://{LOOPBACK}:{self.port}{self.base}"

    def refusal(self, method: str, path: str, headers: Iterable[tuple[str, str]]) -> Refusal | None:
        """Why a request is not answered; None where it is. headers: pairs, names in lower case."""
        pairs = tuple(headers)
        hosts = [value.lower() for name, value in pairs if name == "host"]
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return Refusal(421, f"This console is reached as {LOOPBACK}:{self.port} alone.")
        site = [value for name, value in pairs if name == "sec-fetch-site"]
        origins = [value for name, value in pairs if name == "origin"]
        if any(one not in ("none", "same-origin") for one in site) or any(
            one != f"http://{hosts[0]}" for one in origins
        ):
            sentence = "A page of another origin gets nothing. Paste the address into the browser's address bar."
            return Refusal(403, sentence)
        if method not in _METHODS:
            return Refusal(405, "The console shows and changes nothing: GET and HEAD alone.")
        found = path.split("/", 2)[1] if path.startswith("/") else ""
        if not secrets.compare_digest(found.encode("utf-8", "replace"), self.token.encode()):
            sentence = "The token of this address is not the console's. Use the address that kickstand console printed."
            return Refusal(403, sentence)
        return None

    @property
    def _hosts(self) -> tuple[str, ...]:
        names = (LOOPBACK, "localhost")
        bare = names if self.port == _HTTP_PORT else ()
        return (*(f"{name}:{self.port}" for name in names), *bare)
