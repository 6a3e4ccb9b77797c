"""What can go wrong in a hotel's terms, by what the caller hears.

    BellhopError
    ├── NotFound       "I can't find that."
    ├── Refused        "I can't, because …"
    │   ├── StaleEpoch     another agent holds the call now
    │   ├── LeaseHeld      another agent holds the call still
    │   ├── CallOver       the call has ended; nothing more is done for it
    │   ├── OfferExpired   the offer was held too long ago
    │   ├── SoldOut        the last room went to somebody else
    │   ├── PriceChanged   it costs something else by now; the new price is offered
    │   ├── NotPossible    the hotel's system cannot do this; a human can
    │   ├── NotVerified    it is not known that the caller is the reservation's guest
    │   ├── TriesOver      too many wrong answers; a human goes on
    │   ├── ArrivalPast    the stay would begin before today, as the hotel's clock has it
    │   ├── TooManyGuests  more people than the room, or any room, sleeps
    │   └── InDoubt        it may have been done; a human finds out, nothing is repeated
    └── Unreachable    "One moment": a system behind us does not answer
        └── Unrecorded     it may have been done, and the front desk has not been told yet

Every error has a `code` for logs and programs and a message that never holds personal data. `HotelFileError` stands
apart: it stops the start-up and is read by whoever wrote the file.
"""

from typing import ClassVar


class BellhopError(Exception):
    """The base; `code` is stable and safe to log.

    `vendor_code` is what the system behind us calls the fault: for the log, never for a guest.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, vendor_code: str | None = None) -> None:
        super().__init__(message)
        self.vendor_code = vendor_code


class NotFound(BellhopError):
    """What was asked for is not there, or not for this caller."""

    code = "not_found"


class Refused(BellhopError):
    """It can be understood, and it will not be done; repeating it changes nothing."""

    code = "refused"


class StaleEpoch(Refused):
    """The request carries the epoch of a lease that somebody else holds by now."""

    code = "stale_epoch"


class LeaseHeld(Refused):
    """The lease of this call is held by somebody else and has not run out."""

    code = "lease_held"


class CallOver(Refused):
    """The call has ended."""

    code = "call_over"


class OfferExpired(Refused):
    """The offer's price was held until a time that has passed; ask for offers again."""

    code = "offer_expired"


class SoldOut(Refused):
    """No such room is left for every night of the stay."""

    code = "sold_out"


class PriceChanged(Refused):
    """The price that was held is not the price any more; ask for offers again."""

    code = "price_changed"


class NotPossible(Refused):
    """The hotel's booking system, or its rule for this reservation, does not allow it by phone."""

    code = "not_possible"


class NotVerified(Refused):
    """The call has not shown that it is about this reservation's guest; what was wrong is not told."""

    code = "not_verified"


class TriesOver(Refused):
    """The call gave too many wrong answers; it verifies nothing any more."""

    code = "tries_over"


class ArrivalPast(Refused):
    """The arrival is before today in the hotel's time zone."""

    code = "arrival_past"


class TooManyGuests(Refused):
    """The room asked for, or every room of the hotel, sleeps fewer people."""

    code = "too_many_guests"


class InDoubt(Refused):
    """A write was sent and its result could not be learned; it must not be repeated."""

    code = "in_doubt"


class Unreachable(BellhopError):
    """A system that is needed does not answer or answers with a fault of its own; it may do so later."""

    code = "unreachable"


class Unrecorded(Unreachable):
    """Something was sent, and what became of it could not be written down or read: it is found out later.

    To whoever asked this is an answer that got lost.
    """

    code = "unrecorded"


class HotelFileError(Exception):
    """A hotel's file is wrong; the message names file, field, what was found and what is allowed."""
