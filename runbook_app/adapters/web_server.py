"""A session's screen in a browser: what `runbook serve` answers over HTTP."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import WSCloseCode, WSMsgType, web
from textual_serve.server import Server, to_int

from runbook_app.adapters import web_pages
from runbook_app.adapters.web_access import Address, Link, WebAccess
from runbook_app.adapters.web_screen import ProtocolError, WebScreen
from runbook_app.domain.errors import EnvironmentLacks

TOKEN = "token"  # noqa: S105 - the name of a parameter
LONGEST = 1024 * 1024
"""Bytes of one message from a browser: what is pasted at once."""
_HEARTBEAT = 15.0
"""Seconds between two questions whether the browser is still there."""
_FAREWELL = 1.0
"""Seconds that a browser has to answer that its page is closed."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self';"
    " img-src 'self' data:; connect-src 'self' {socket}; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
"""Styles in the page itself: xterm.js makes them as it paints."""
_AGAIN = (
    "Press Ctrl-C where <code>runbook serve</code> runs, start it again, and open the link that it"
    " prints. The session goes on meanwhile."
)

_SILENT = logging.getLogger("runbook.web")
"""A line about a request would have the link in it."""
_SILENT.disabled = True

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebServer:
    """Shows what `argv` paints, a process for each page that is open."""

    def __init__(self, access: WebAccess, argv: Sequence[str], title: str) -> None:
        self._access = access
        self._argv = tuple(argv)
        self._title = title
        self._textual = Server(argv[0])
        self._sockets: set[web.WebSocketResponse] = set()
        self._cookie = ""

    async def serve(
        self, bound: Address, port: int, ready: Callable[[str], None], ended: asyncio.Event
    ) -> None:
        """Answer until `ended`; `ready` is called with the link. Port 0 is a free one.

        Raises:
            EnvironmentLacks: the port is taken, or the address is not this machine's.
        """
        runner = web.AppRunner(self._app(), access_log=None, logger=_SILENT)
        await runner.setup()
        try:
            port = await self._listen(runner, bound, port)
            host = f"[{bound}]" if bound.version == 6 else str(bound)
            self._cookie = f"runbook-{port}"  # a browser shares cookies among a host's ports
            ready(f"http://{host}:{port}/?{TOKEN}={self._access.token}")
            await ended.wait()
        finally:
            await runner.cleanup()

    @staticmethod
    async def _listen(runner: web.AppRunner, bound: Address, port: int) -> int:
        try:
            await web.TCPSite(runner, str(bound), port).start()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                hint = "Give another one, or 0 for a free one, with --port."
                raise EnvironmentLacks(f"Port {port} of {bound} is taken.", hint=hint) from error
            raise EnvironmentLacks(
                f"Can't listen on port {port} of {bound}: {error.strerror or error}.",
                hint="--bind takes an address of this machine, --port one that this account may"
                " use.",
            ) from error
        return int(runner.addresses[0][1])

    def _app(self) -> web.Application:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._guard(request, handler)

        app = web.Application(middlewares=[guard])
        app.add_routes(
            [
                web.get("/", self._index, allow_head=False),
                web.get("/ws", self._screen, allow_head=False),
                web.get("/download/{key}", self._textual.handle_download, allow_head=False),
                web.static("/static", self._textual.statics_path),
            ]
        )
        app.on_response_prepare.append(self._harden)
        app.on_shutdown.append(self._close_screens)
        return app

    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if not self._access.is_ours(request.host):
            return _refusal("This server is not called by that name.", _called(request.transport))
        if origin is not None and not self._access.is_same_origin(origin, request.host):
            return _refusal("Another site's page asked for this.")
        enters = request.path == "/" and TOKEN in request.query
        if not (enters or self._access.admits(request.cookies.get(self._cookie, ""))):
            return _refusal(
                "This browser has not opened the session.",
                "Open the link that <code>runbook serve</code> printed. It opens one browser; where"
                f" it was used already: {_AGAIN[0].lower()}{_AGAIN[1:]}",
            )
        return await handler(request)

    def _enter(self, token: str) -> web.Response:
        match self._access.judge(token):
            case Link.WRONG:
                return _refusal("That is not the link of this server.", _AGAIN)
            case Link.USED:
                return _refusal(
                    "This link was used already: it opens one browser, once.",
                    'In the browser that it opened: <a href="/">go on to the screen</a>.',
                    f"In another one, or when it was not you who opened it: {_AGAIN}",
                )
            case Link.GOOD:
                response = web.Response(text=web_pages.opened(), content_type="text/html")
                response.set_cookie(
                    self._cookie, self._access.exchange(), httponly=True, samesite="Strict"
                )
                return response

    async def _index(self, request: web.Request) -> web.Response:
        if TOKEN in request.query:
            return self._enter(request.query[TOKEN])
        page = web_pages.screen(self._title, f"ws://{request.host}/ws")
        return web.Response(text=page, content_type="text/html")

    async def _screen(self, request: web.Request) -> web.StreamResponse:
        if "Origin" not in request.headers:
            return _refusal("A screen is opened by its page, which says where it is from.")
        socket = web.WebSocketResponse(
            heartbeat=_HEARTBEAT, max_msg_size=LONGEST, timeout=_FAREWELL
        )
        await socket.prepare(request)
        self._sockets.add(socket)
        screen = WebScreen(self._argv, socket, self._textual.download_manager)
        size = request.query.get("width", ""), request.query.get("height", "")
        try:
            await screen.start(to_int(size[0], 80), to_int(size[1], 24))
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    raise ProtocolError
                await screen.obey(message.data)
        except ProtocolError:
            await socket.close(code=WSCloseCode.UNSUPPORTED_DATA)
        finally:
            self._sockets.discard(socket)
            await screen.stop()
        return socket

    async def _close_screens(self, _: web.Application) -> None:
        await asyncio.gather(
            *(socket.close(code=WSCloseCode.GOING_AWAY) for socket in self._sockets)
        )

    async def _harden(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(_HEADERS)
        socket = f"ws://{request.host}" if self._access.is_ours(request.host) else ""
        response.headers["Content-Security-Policy"] = _POLICY.format(socket=socket)


def _called(transport: asyncio.BaseTransport | None) -> str:
    port = transport.get_extra_info("sockname")[1] if transport else 0
    return f"Call it localhost or by its address, such as <code>http://127.0.0.1:{port}/</code>."


def _refusal(what: str, *advice: str) -> web.Response:
    page = web_pages.refused(what, *advice)
    return web.Response(status=403, text=page, content_type="text/html")
