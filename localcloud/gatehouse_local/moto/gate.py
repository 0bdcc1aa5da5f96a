"""Let requests in until told to stop, and know when the last one has left."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from werkzeug.wsgi import ClosingIterator

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class Gate:
    """Stand before a WSGI application. A request is inside until its whole answer is written."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._changed = threading.Condition()
        self._open = True
        self._inside = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request; once the gate is closed with 503, nothing having been done."""
        if not self._enter():
            start_response("503 Service Unavailable", [("Content-Length", "0")])
            return []
        try:
            answer = self._application(environ, start_response)
        except BaseException:
            self._leave()
            raise
        return ClosingIterator(answer, self._leave)

    def close(self, seconds: float) -> bool:
        """Let nobody in any more; return whether all who were inside left in time."""
        with self._changed:
            self._open = False
            return self._changed.wait_for(lambda: self._inside == 0, seconds)

    def _enter(self) -> bool:
        with self._changed:
            self._inside += self._open
            return self._open

    def _leave(self) -> None:
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()
