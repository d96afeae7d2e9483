"""A connection between page and kernel without a pause: small messages leave at once.

By default a server's system holds a small packet back until the one before it was acknowledged
(Nagle's algorithm), up to 40 ms in the middle of a drag. ``make lab`` and ``make explore`` use this class.
"""

from __future__ import annotations

from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class PromptConnection(ZMQChannelsWebsocketConnection):
    """Jupyter's own connection, with TCP_NODELAY set on its socket."""

    def connect(self) -> Any:
        self.websocket_handler.set_nodelay(True)
        return super().connect()
