"""A wish carried out in the hotel's system, once or not at all, whoever asks, however often, and whatever breaks.

    planned    the price is asked again; unchanged, the wish is taken up and sent
    sent       by somebody who is at it: waited for; by somebody who is gone: looked for, and sent again only to a
               system that knows our reference again; otherwise in doubt
    in_doubt   looked for, and never sent again
    booked     it is what it is
    refused    so it stays

What the hotel's system has done is settled by whoever learns of it, also by one who has lost the call meanwhile. How
each end is written down is in `outcomes`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.shared.bookings import doubt
from lambdas.shared.bookings.looking import (
    claimed_by,
    code_of,
    is_at_the_price,
    look,
    order_of,
)
from lambdas.shared.bookings.outcomes import ATTEMPTS, Outcomes
from lambdas.shared.bookings.prices import Prices
from lambdas.shared.domain.errors import (
    BellhopError,
    InDoubt,
    NotFound,
    NotPossible,
    OfferExpired,
    PriceChanged,
    Refused,
    SoldOut,
    Unreachable,
    Unrecorded,
)
from lambdas.shared.domain.stay import Contact, Guest, Reservation
from lambdas.shared.domain.wish import Wish, WishKind, WishState
from lambdas.shared.pms.system import NO_CONTACT, Capability, Pms
from lambdas.shared.tables import claim_sk
from lambdas.shared.wish_store import OTHER_PRICE, Moved, Wishes

BUSY_FOR: Final = timedelta(seconds=20)
"""Longer than a request of the function asks vendors anything; whoever has not reported by then is dead."""
PAUSE: Final = 0.3
PAUSES: Final = 40
WAITS: Final = timedelta(seconds=PAUSE * PAUSES)
"""So long somebody else's write is waited for: a guest hears that it is in doubt before the agent gives up."""
NEVER: Final = datetime.max.replace(tzinfo=UTC)

_REASONS: Final[Mapping[str | None, type[BellhopError]]] = {
    error.code: error for error in (NotFound, NotPossible, OfferExpired, PriceChanged, SoldOut)
}


@contextmanager
def perhaps_done() -> Iterator[None]:
    """Where something may have been done, a part that cannot be reached does not mean that nothing was."""
    try:
        yield
    except Unreachable as error:
        raise Unrecorded(str(error), vendor_code=error.vendor_code) from error
    except (BotoCoreError, ClientError) as error:
        raise Unrecorded("what may have been done cannot be written down", vendor_code=type(error).__name__) from error


class NewPrice(PriceChanged):
    """The price is another by now, and it is held as this wish."""

    def __init__(self, wish: Wish) -> None:
        super().__init__("it costs something else by now; the new price is offered")
        self.wish = wish


@dataclass(frozen=True)
class Asked:
    """What comes with the request to carry a wish out. `rooms` is how many of the same a guest wants in all."""

    epoch: int
    guest: Guest | None = None
    contact: Contact = NO_CONTACT
    callback: str | None = None
    rooms: int = 1
    waits_until: datetime = NEVER


def now() -> datetime:
    return datetime.now(UTC)


def new_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True)
class CarryingOut:
    """Carries wishes out in the hotels' systems, by the hotel's name."""

    wishes: Wishes
    pms: Mapping[str, Pms]
    now: Callable[[], datetime] = now
    new_id: Callable[[], str] = new_id
    sleep: Callable[[float], None] = time.sleep

    @cached_property
    def _prices(self) -> Prices:
        return Prices(self.pms, self.now, self.new_id)

    @cached_property
    def _outcomes(self) -> Outcomes:
        return Outcomes(self.wishes, self.now)

    def carry_out(self, wish: Wish, asked: Asked) -> Wish:
        """The wish, done; the same reservation however often it is asked for.

        A second wish of the call for the same goes on with the first one, unless `rooms` says that more are wanted.
        Raises NewPrice, SoldOut, OfferExpired, NotPossible, NotFound (the reservation is gone), InDoubt, StaleEpoch,
        Unreachable when nothing was done: ask again, and Unrecorded when that is not certain.
        """
        asked = replace(asked, waits_until=self.now() + WAITS)
        for _ in range(ATTEMPTS):
            try:
                return self._step(wish, asked)
            except Moved:
                with perhaps_done():
                    wish = self.wishes.get(wish.call_id, wish.id)
        kind = Unreachable if wish.state is WishState.PLANNED else Unrecorded
        raise kind("the wish is being carried out by somebody else")

    def find_out(self, wish: Wish) -> Wish:
        """What became of a wish that was sent, if that can be known by now; it is never sent again.

        The front desk hears of what nobody can have told the guest. Raises Unreachable when the hotel's system cannot
        be asked.
        """
        if wish.state not in (WishState.SENT, WishState.IN_DOUBT) or wish.is_busy(self.now()):
            return wish
        try:
            found = self._look(wish)
            if found and is_at_the_price(found, wish):
                return self._outcomes.settle(wish, found, unheard=wish.state is WishState.SENT)
            if wish.state is WishState.SENT:
                return self._outcomes.put_in_doubt(wish, found)
            return self._outcomes.give_up(wish, found)
        except (Moved, Refused):
            return self.wishes.get(wish.call_id, wish.id)

    def doubt(self, wish: Wish) -> Wish:
        """A wish that was sent and cannot be asked after now: the front desk hears of it. Any other stays as it is."""
        if wish.state is not WishState.SENT or wish.is_busy(self.now()):
            return wish
        try:
            return self._outcomes.put_in_doubt(wish)
        except Moved:
            return self.wishes.get(wish.call_id, wish.id)

    def _step(self, wish: Wish, asked: Asked) -> Wish:
        match wish.state:
            case WishState.BOOKED:
                return wish
            case WishState.REFUSED:
                raise self._refusal(wish)
            case WishState.PLANNED:
                return self._take_up(wish, asked)
            case WishState.SENT:
                if wish.is_busy(self.now()):
                    self._wait_for(wish, asked.waits_until)
                    return self._found_or_doubted(wish)
                return self._resume(wish, asked)
            case WishState.IN_DOUBT:
                return self._found_or_doubted(wish)

    def _take_up(self, wish: Wish, asked: Asked) -> Wish:
        if wish.expires_at <= self.now():
            self._outcomes.refuse(wish, OfferExpired.code)
            raise OfferExpired("the offer is no longer held; ask for offers again")
        guest = asked.guest or wish.guest
        if guest is None:
            raise Refused("a booking needs a guest")
        claim = self._free_claim(wish, guest, asked.rooms)
        if isinstance(claim, Wish):
            return self._go_on_with(claim, asked)
        self._ask_price(wish)
        sent = wish.moved(WishState.SENT, guest=guest, claim=claim).taken_up(self.now() + BUSY_FOR)
        kept = doubt.unsettled(sent, at=self.now(), callback=asked.callback)
        self.wishes.send(wish, sent, epoch=asked.epoch, unsettled=kept)
        return self._send(sent, asked, again=False)

    def _free_claim(self, wish: Wish, guest: Guest, rooms: int) -> Wish | str | None:
        """The place this wish may take, or the wish that has the last one; a change needs none, it is repeatable."""
        what = claimed_by(wish, guest)
        if what is None:
            return None
        places = [claim_sk(what, number) for number in range(1, rooms + 1)]
        taken = self.wishes.claims(wish.call_id, what)
        free = next((place for place in places if place not in taken), None)
        return free or self.wishes.get(wish.call_id, taken[places[0]])

    def _go_on_with(self, first: Wish, asked: Asked) -> Wish:
        if first.state is WishState.PLANNED:
            raise Moved("the claim was given back meanwhile")
        try:
            return self._step(first, asked)
        except (NotFound, NotPossible, OfferExpired, PriceChanged, SoldOut):
            raise Moved("the claim was given back by a refusal") from None

    def _ask_price(self, wish: Wish) -> None:
        """Raises NewPrice, SoldOut, NotPossible, NotFound, after the wish was refused; Unreachable leaves it."""
        try:
            current = self._prices.of(wish)
        except (Refused, NotFound) as error:
            self._outcomes.refuse(wish, error.code)
            raise
        if current is None:
            self._outcomes.refuse(wish, SoldOut.code)
            raise SoldOut("it is not to be had any more")
        if not current.with_price_of(wish):
            self._outcomes.refuse_for(wish, current)
            raise NewPrice(current)

    def _send(self, sent: Wish, asked: Asked, *, again: bool) -> Wish:
        """Sends it; `again` says that it was sent before, and may have been heard then."""
        try:
            done = self._write(sent, asked)
        except Unreachable as error:
            if again:
                return self._found_or_doubted(sent, error.vendor_code)
            self._outcomes.put_down(sent)
            raise
        except InDoubt as error:
            return self._found_or_doubted(sent, error.vendor_code)
        except (Refused, NotFound) as error:
            return self._not_done(sent, error, again=again)
        except Exception as error:
            # A fault of ours in the middle of a write: it may have been sent.
            return self._found_or_doubted(sent, type(error).__name__)
        return self._judge(sent, done)

    def _write(self, wish: Wish, asked: Asked) -> Reservation:
        pms = self.pms[wish.hotel]
        match wish.kind:
            case WishKind.BOOK:
                phone = asked.contact.phone or asked.callback
                return pms.book(order_of(wish, asked.contact.model_copy(update={"phone": phone})))
            case WishKind.CHANGE:
                return pms.change(code_of(wish), wish.offer)
            case WishKind.CANCEL:
                if wish.fee is None:
                    raise NotPossible("a cancellation without a fee was never offered")
                return pms.cancel(code_of(wish), wish.fee)

    def _not_done(self, sent: Wish, error: BellhopError, *, again: bool) -> Wish:
        """The refusal of a write; one that was sent before is looked for, since the first may have been heard."""
        if again:
            with perhaps_done():
                found = self._look(sent)
            if found:
                return self._judge(sent, found)
        try:
            new = self._prices.of(sent) if isinstance(error, PriceChanged) else None
        except BellhopError:
            new = None
        if new:
            self._outcomes.refuse_for(sent, new)
            raise NewPrice(new) from None
        self._outcomes.refuse(sent, error.code)
        raise error

    @perhaps_done()
    def _found_or_doubted(self, wish: Wish, vendor_code: str | None = None) -> Wish:
        """The wish, if the system shows that it is done. Raises InDoubt once the front desk has been told."""
        try:
            found = self._look(wish)
        except Exception as error:
            # Whatever hinders the look, the doubt must be told.
            found, vendor_code = None, vendor_code or type(error).__name__
        if found:
            return self._judge(wish, found)
        if wish.state is WishState.SENT:
            self._outcomes.put_in_doubt(wish)
        raise _in_doubt(vendor_code)

    @perhaps_done()
    def _judge(self, wish: Wish, done: Reservation) -> Wish:
        """The wish, booked. Raises InDoubt for what was done at another price: the guest has not agreed to that."""
        if is_at_the_price(done, wish):
            return self._outcomes.settle(wish, done)
        if wish.state is WishState.SENT:
            self._outcomes.put_in_doubt(wish, done)
        raise _in_doubt(OTHER_PRICE)

    @perhaps_done()
    def _wait_for(self, wish: Wish, until: datetime) -> None:
        """Raises Moved as soon as whoever is at it has come further."""
        for _ in range(PAUSES):
            self.sleep(PAUSE)
            current = self.wishes.get(wish.call_id, wish.id)
            if (current.state, current.attempts) != (wish.state, wish.attempts) or not current.is_busy(self.now()):
                raise Moved("somebody else has come further")
            if self.now() >= until:
                return

    @perhaps_done()
    def _resume(self, wish: Wish, asked: Asked) -> Wish:
        """Whoever sent it is gone. What cannot be looked for is in doubt: the guest hears that, not silence."""
        pms = self.pms[wish.hotel]
        if Capability.SAFE_REPEAT not in pms.capabilities:
            return self._found_or_doubted(wish)
        try:
            found = self._look(wish)
        except Unreachable:
            return self._found_or_doubted(wish)
        if found:
            return self._judge(wish, found)
        taken = wish.taken_up(self.now() + BUSY_FOR)
        self.wishes.send(wish, taken, epoch=asked.epoch)
        return self._send(taken, asked, again=True)

    def _look(self, wish: Wish) -> Reservation | None:
        return look(self.pms[wish.hotel], wish)

    def _refusal(self, wish: Wish) -> BellhopError:
        if wish.instead:
            return NewPrice(self.wishes.get(wish.call_id, wish.instead))
        kind = _REASONS.get(wish.reason, Refused)
        return kind("this wish was refused before; ask for offers again")


def _in_doubt(vendor_code: str | None) -> InDoubt:
    return InDoubt("it is not known whether the hotel's system has done this as wished", vendor_code=vendor_code)
