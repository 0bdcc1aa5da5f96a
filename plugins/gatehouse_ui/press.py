"""Sign every form, so that only this user's own page can send it, and only once.

Airflow's cookie is SameSite=Lax already; the signature holds where a browser or a proxy forgets that. The
random part becomes the id of the event in the ledger: sending a form twice is pressing once.
"""

from __future__ import annotations

import secrets

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

LASTS_SECONDS = 12 * 3600
# What a form for the whole company is signed for.
COMPANY = "*"


class PressError(Exception):
    """Raise for a form that this user's page didn't make; nothing was changed."""


class Presses:
    """Sign forms and check them, with the secret that all of Airflow's API servers share."""

    def __init__(self, secret: str) -> None:
        self._signer = URLSafeTimedSerializer(secret, salt="gatehouse_ui.press")

    def sign(self, user_id: str, subject: str) -> str:
        """Return a token for one form of this user about a rollout, or the company."""
        return self._signer.dumps([user_id, subject, secrets.token_hex(16)])

    def event_id(self, token: str, user_id: str, subject: str) -> str:
        """Return the id of the event that a form makes; raises PressError if it isn't theirs or too old."""
        try:
            whose, what, event_id = self._signer.loads(token, max_age=LASTS_SECONDS)
        except SignatureExpired as error:
            msg = (
                "This page was opened more than 12 hours ago; nothing was changed. Look again, and press then"
            )
            raise PressError(msg) from error
        except (BadData, ValueError, TypeError) as error:
            raise PressError(_FOREIGN) from error
        if (whose, what) != (user_id, subject):
            raise PressError(_FOREIGN)
        return str(event_id)


_FOREIGN = (
    "This form wasn't made for you by this page; nothing was changed. Open the page anew, and press there"
)
