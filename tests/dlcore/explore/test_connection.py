"""Pages and kernels talk without a pause: servers are started with a class that sets TCP_NODELAY."""

from __future__ import annotations

import asyncio
import socket

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application
from tornado.websocket import WebSocketHandler, websocket_connect
from traitlets.utils.importstring import import_item

from autograder import lab


def test_every_server_is_given_a_class_that_is_one_of_jupyters(monkeypatch, tmp_path):
    monkeypatch.setattr(lab, "_start", lambda *command: started.append(command))
    started = []
    lab.lab(tmp_path, [])
    lab.explore([])
    for (program, *options), app in zip(started, ("ServerApp", "Voila"), strict=True):
        start = f"--{app}.kernel_websocket_connection_class="
        (name,) = (option.removeprefix(start) for option in options if option.startswith(start))
        assert issubclass(import_item(name), ZMQChannelsWebsocketConnection), program


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
