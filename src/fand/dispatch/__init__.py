"""What the server knows, and what it answers: requests in, answers out, without a socket or a clock.

A :class:`Hall` holds every :class:`Shelf`. Readings are told to :meth:`Shelf.observe`; the decision is taken when
an answer needs it (S3) and kept until something changes or :attr:`Shelf.valid_until` passes. :func:`answer` is the
whole conversation: one request of one :class:`Peer` gives one :class:`Answer`, or a
:exc:`~fand.exceptions.RequestError` whose text is all that the peer is told.
"""

from fand.dispatch.access import ALL, NOTHING, Grant, Role
from fand.dispatch.certificates import Certificate, near, stage
from fand.dispatch.hall import Hall
from fand.dispatch.mail import Addressee, Mail
from fand.dispatch.mailbox import Mailbox
from fand.dispatch.peer import Peer
from fand.dispatch.requests import LATEST, After, Answer, answer, role_for
from fand.dispatch.shelf import NOTHING_KEPT, Kept, Shelf, Slot
from fand.dispatch.shown import line, shorten

__all__ = [
    "ALL",
    "LATEST",
    "NOTHING",
    "NOTHING_KEPT",
    "Addressee",
    "After",
    "Answer",
    "Certificate",
    "Grant",
    "Hall",
    "Kept",
    "Mail",
    "Mailbox",
    "Peer",
    "Role",
    "Shelf",
    "Slot",
    "answer",
    "line",
    "near",
    "role_for",
    "shorten",
    "stage",
]
