"""Nobody but a browser on this machine that has the address is answered, whatever is asked for."""

from __future__ import annotations

import pytest
from console_world import OWN, PORT, TOKEN, Clients, ask, source

from console.guard import HEADERS, Guard, new_token
from console.reading import View

HOST = OWN[0]
VIEW = View("endpoint", "Endpoint", lambda _: pytest.fail("AWS was asked"), lambda _: 1.0)
PATHS = ("", "endpoint", "live/endpoint", "console.css", "console.js", "review", "none")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("status", "method", "headers"),
    [
        (421, "GET", [("host", f"rebound.example:{PORT}")]),
        (421, "GET", [("host", "127.0.0.1")]),
        (421, "GET", [("host", f"127.0.0.1:{PORT + 1}")]),
        (421, "GET", []),
        (421, "GET", [HOST, HOST]),
        (403, "GET", [HOST, ("origin", "https://elsewhere.example")]),
        (403, "GET", [HOST, ("origin", "null")]),
        (403, "GET", [HOST, ("origin", f"http://localhost:{PORT}")]),
        (403, "GET", [HOST, ("sec-fetch-site", "cross-site")]),
        (403, "GET", [HOST, ("sec-fetch-site", "same-site")]),
        (405, "POST", [HOST]),
        (405, "DELETE", [HOST]),
        (405, "OPTIONS", [HOST]),
    ],
)
def test_a_request_from_elsewhere_gets_nothing(
    status: int, method: str, headers: list[tuple[str, str]], path: str
) -> None:
    answer = ask([VIEW], source(Clients({})), f"/{TOKEN}/{path}", method=method, headers=headers)
    assert answer.status == status
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert TOKEN not in answer.body
    assert {name.lower(): value for name, value in HEADERS.items()}.items() <= answer.headers.items()


@pytest.mark.parametrize("path", ["/", f"/{TOKEN[:-1]}/endpoint", f"/{TOKEN}x/", "/é/endpoint", "//", "", "endpoint"])
def test_a_wrong_token_gets_a_sentence(path: str) -> None:
    answer = ask([VIEW], source(Clients({})), path)
    assert answer.status == 403
    assert answer.body == (
        "Forbidden. The token of this address is not the console's. Use the address that kickstand console printed.\n"
    )


def test_the_own_page_and_a_typed_address_are_answered() -> None:
    guard = Guard(TOKEN, PORT)
    for site in ("none", "same-origin"):
        assert guard.refusal("GET", f"/{TOKEN}/", [*OWN, ("sec-fetch-site", site)]) is None
    assert guard.refusal("GET", f"/{TOKEN}/", [*OWN, ("origin", f"http://127.0.0.1:{PORT}")]) is None
    assert guard.refusal("HEAD", f"/{TOKEN}", OWN) is None
    assert Guard(TOKEN, 80).refusal("GET", f"/{TOKEN}/", [("host", "127.0.0.1")]) is None
    assert guard.address == f"http://127.0.0.1:14000/{TOKEN}/"


def test_a_token_is_new_each_time_and_long() -> None:
    tokens = {new_token() for _ in range(50)}
    assert len(tokens) == 50
    assert {len(token) for token in tokens} == {43}


def test_the_policy_lets_nothing_inline_and_nothing_from_elsewhere() -> None:
    rules = dict(rule.split(" ", 1) for rule in HEADERS["Content-Security-Policy"].split("; "))
    assert rules == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
