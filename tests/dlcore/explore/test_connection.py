"""Pages and kernels talk without a pause: the Makefile names a class that sets TCP_NODELAY."""

from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application
from tornado.websocket import WebSocketHandler, websocket_connect
from traitlets.utils.importstring import import_item

ROOT = Path(__file__).parents[3]


def test_every_server_is_given_a_class_that_is_one_of_jupyters():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (name,) = re.findall(r"^PROMPT := (\S+)$", makefile, re.MULTILINE)
    for target in ("jupyter lab", "voila"):
        lines = re.search(rf"^\t\$\(BIN\)/{target} (?:.*\\\n)*.*$", makefile, re.MULTILINE)
        assert "kernel_websocket_connection_class=$(PROMPT)" in lines[0], target
    assert issubclass(import_item(name), ZMQChannelsWebsocketConnection)


def test_small_messages_leave_at_once(monkeypatch):
    """On a real socket of a real server; only the kernel behind it is not asked."""
    from dlcore.explore.connection import PromptConnection

    options = []

    class Handler(WebSocketHandler):
        def socket_option(self):
            raw = self.ws_connection.stream.socket
            return bool(raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

        def open(self):
            self.set_nodelay(False)
            options.append(self.socket_option())
            connection = PromptConnection()
            connection._trait_values["websocket_handler"] = (
                self  # not Jupyter's own: it needs a kernel
            )
            connection.connect()
            options.append(self.socket_option())
            self.close()

    monkeypatch.setattr(
        ZMQChannelsWebsocketConnection, "connect", lambda self: options.append("connected")
    )

    async def talk():
        listening, port = bind_unused_port()
        server = HTTPServer(Application([("/", Handler)]))
        server.add_sockets([listening])
        page = await websocket_connect(f"ws://127.0.0.1:{port}/")
        assert await page.read_message() is None  # the server has closed it
        server.stop()

    asyncio.run(asyncio.wait_for(talk(), 30))
    assert options == [False, "connected", True]
