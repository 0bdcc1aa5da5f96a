"""Find ports for servers that tests start, stop and start again."""

from __future__ import annotations

import random
import socket

# Below the ports that the kernel gives to outgoing connections (from 32768), any of which could take a
# server's port while it is down; and away from those of the stacks (24100, 25100 and 26100).
_FIRST, _LAST = 10_000, 23_999


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    while True:
        port = random.randint(_FIRST, _LAST)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
