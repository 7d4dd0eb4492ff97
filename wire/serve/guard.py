"""Who may have the pages.

Nothing here changes anything: all is read. A page of another origin cannot read it, nor can one
that a name of its own leads here (DNS rebinding): only numbers and "localhost" are answered to.
"""

import asyncio
from base64 import b64encode
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SLOW = 30  # seconds in which a browser has to take what it is given, or it has to ask again
# The one script that stands in a page itself: see there.
AGAIN = (Path(__file__).parent / "static/again.js").read_text()
_HASH = b64encode(sha256(AGAIN.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; script-src 'self' 'sha256-{_HASH}'; "
    "style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types shared",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Guard:
    """Refuses what no page of ours asks, and gives each answer its headers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sender(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            async with asyncio.timeout(SLOW):
                await send(message)

        if scope["type"] != "http":
            return
        wrong = refusal(scope["method"], Headers(scope=scope))
        app = PlainTextResponse(wrong[1], wrong[0]) if wrong else self.app
        try:
            await app(scope, receive, sender)
        except* TimeoutError:  # it does not read: it may connect again
            pass


def refusal(method: str, headers: Headers) -> tuple[int, str] | None:
    """Return the status and the words of a refusal, None if the request may be answered."""
    if method not in ("GET", "HEAD"):
        return 405, "Nothing can be changed here."
    if not numeric(headers.get("host", "")):
        return 421, "Ask for 127.0.0.1 or localhost: other names are not answered to."
    site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode", "")
    if site not in ("none", "same-origin") and mode != "navigate":
        return 403, "A page of another origin may not read this."
    return None


def numeric(host: str) -> bool:
    """Tell whether a Host header is an address or localhost, with or without a port."""
    name, _, port = host.rpartition(":")
    if not name or "]" in port:
        name = host
    if name == "localhost":
        return True
    try:
        ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
