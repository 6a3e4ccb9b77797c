"""What became of a wish, written down once: with the event that reports it, and the front desk's follow-up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from lambdas.shared.bookings import doubt
from lambdas.shared.bookings.looking import code_of, has_booked
from lambdas.shared.domain.call import Event, Kind, Source
from lambdas.shared.domain.errors import InDoubt, NotPossible, PriceChanged, Unreachable
from lambdas.shared.domain.stay import Reservation, ReservationState
from lambdas.shared.domain.wish import Wish, WishKind, WishState
from lambdas.shared.wish_store import OTHER_PRICE, Moved, Wishes

DOUBTED_FOR: Final = timedelta(minutes=30)
"""How long after the doubt a system may still come up with what was sent."""
NOT_DONE: Final = "not_done"
"""The reason of a wish that was sent and of which the hotel's system knows nothing half an hour later."""
ATTEMPTS: Final = 8
"""How often a wish that somebody else moves meanwhile is read again."""

_KINDS: Final = {
    WishKind.BOOK: Kind.STAY_BOOKED,
    WishKind.CHANGE: Kind.STAY_CHANGED,
    WishKind.CANCEL: Kind.STAY_CANCELLED,
}


@dataclass(frozen=True)
class Outcomes:
    """Writes down what is known of wishes. All of it raises Moved where somebody else knew more, and Unreachable."""

    wishes: Wishes
    now: Callable[[], datetime]

    def settle(self, wish: Wish, done: Reservation, *, unheard: bool = False) -> Wish:
        """It is done; `unheard` says that nobody can have told the guest, so the front desk does.

        Raises NotPossible for a booking that the hotel has cancelled since. What was refused meanwhile stays refused,
        and the front desk hears of it.
        """
        if wish.kind is WishKind.BOOK and done.state is ReservationState.CANCELLED:
            self.refuse(wish, NotPossible.code)
            raise NotPossible("it was booked, and the hotel has cancelled it since")
        guest = done.guest if wish.kind is WishKind.BOOK else None
        event = Event(
            call_id=wish.call_id,
            source=Source.PMS,
            id=f"{_KINDS[wish.kind]}:{wish.id}",
            kind=_KINDS[wish.kind],
            at=self.now(),
            data={"code": done.code, "wish": wish.id},
        )
        news = doubt.unheard(wish, done, self.wishes.unsettled_of(wish), at=self.now()) if unheard else None
        for _ in range(ATTEMPTS):
            booked = wish.moved(WishState.BOOKED, guest=guest, code=done.code)
            try:
                self.wishes.move(wish, booked, event=event, follow_up=news, freed=self._outdated_claims(wish))
            except Moved:
                wish = self.wishes.get(wish.call_id, wish.id)
                if wish.state is WishState.BOOKED:
                    return wish
                if wish.state is WishState.REFUSED:
                    self.wishes.leave(wish, doubt.stray(wish, done, at=self.now()))
                    raise
            else:
                return booked
        raise Unreachable("others kept moving the wish")

    def put_in_doubt(self, wish: Wish, found: Reservation | None = None) -> Wish:
        """Nobody knows whether it was done, or it was found done at another price; the front desk hears of it."""
        at = self.now()
        doubted = wish.moved(WishState.IN_DOUBT, reason=InDoubt.code, doubted_at=at)
        news = doubt.follow_up(wish, self.wishes.unsettled_of(wish), at=at, found=found)
        self.wishes.move(wish, doubted, follow_up=news)
        return doubted

    def give_up(self, wish: Wish, found: Reservation | None) -> Wish:
        """A wish in doubt that no system shows as wished after so long was not done as wished."""
        if wish.doubted_at is None or self.now() < wish.doubted_at + DOUBTED_FOR:
            return wish
        reason, code = (OTHER_PRICE, found.code) if found else (NOT_DONE, None)
        refused = wish.moved(WishState.REFUSED, reason=reason, code=code)
        self.wishes.move(wish, refused)
        return refused

    def put_down(self, sent: Wish) -> None:
        """Nothing has reached the system; the wish is as it was, or refused where others have told a doubt."""
        try:
            self.wishes.move(sent, sent.moved(WishState.PLANNED))
        except Moved:
            self._refuse_doubted(sent, NOT_DONE)

    def refuse(self, wish: Wish, reason: str, *, instead: str | None = None) -> None:
        """It is not done, and will not be; also where others have told a doubt meanwhile."""
        try:
            self.wishes.move(wish, wish.moved(WishState.REFUSED, reason=reason, instead=instead))
        except Moved:
            if wish.state is not WishState.SENT:
                raise
            self._refuse_doubted(wish, reason, instead=instead)

    def refuse_for(self, wish: Wish, new: Wish) -> None:
        """The same, since it costs something else now, which is held."""
        self.wishes.hold(new)
        self.refuse(wish, PriceChanged.code, instead=new.id)

    def _refuse_doubted(self, sent: Wish, reason: str, *, instead: str | None = None) -> None:
        """What this attempt learned settles a wish that others gave up meanwhile, if no other attempt was made."""
        current = self.wishes.get(sent.call_id, sent.id)
        if current.state is not WishState.IN_DOUBT or current.attempts != sent.attempts:
            raise Moved("somebody else has sent it since")
        self.wishes.move(current, current.moved(WishState.REFUSED, reason=reason, instead=instead))

    def _outdated_claims(self, wish: Wish) -> dict[str, str]:
        """What this call claimed of a reservation that is changed or cancelled now: the same can be booked anew.

        A place that was left before may be the next wish's by now, and stays so.
        """
        if wish.kind is WishKind.BOOK:
            return {}
        earlier = [other for other in self.wishes.of_call(wish.call_id) if has_booked(other, code_of(wish))]
        taken = self.wishes.claims(wish.call_id)
        return {other.claim: other.id for other in earlier if other.claim and taken.get(other.claim) == other.id}
