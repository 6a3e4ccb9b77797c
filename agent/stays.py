"""Rooms and reservations, as one call speaks of them: each answer has the facts, and a sentence with them in it.

A wish's id stays here: the model names a room, and the offer last held for it is what is booked; a reservation is
spoken of once the hotel's functions have verified it, and cancelled once the guest can have heard what that costs.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from pydantic import ValidationError

from agent.call import OngoingCall
from agent.hotel import HotelClient, NewPrice, Unheard
from agent.spoken import spoken_code
from agent.telling import Telling
from lambdas.calls.models import FollowUp
from lambdas.pms.models import BookRequest, CancelRequest, HeldOffer, OffersRequest, VerificationRequest
from lambdas.shared.domain.errors import InDoubt, Unreachable
from lambdas.shared.domain.hotel import E164, Hotel
from lambdas.shared.domain.stay import Guest, Reservation, ReservationState, Stay

Answer = Mapping[str, Any]


@dataclass
class Dialogue:
    """What one call has come to so far; the session's userdata. `offers` has the cheapest first.

    `fee_told_in` is the speech in which the guest was told what `cancellation` costs. `doubted` are the wishes of
    which the front desk has heard from here.
    """

    number: str | None = None
    offers: list[HeldOffer] = field(default_factory=list)
    reservation: Reservation | None = None
    cancellation: HeldOffer | None = None
    fee_told_in: str | None = None
    doubted: set[str] = field(default_factory=set)

    @property
    def callback(self) -> str | None:
        """The caller's number, if it is one that can be called."""
        return self.number if self.number and E164.match(self.number) else None

    def talk_about(self, stay: Stay) -> None:
        """The guest now means this stay: an offer for another one is not what "book it" agrees to."""
        self.offers = [offer for offer in self.offers if offer.stay == stay]

    def hold(self, offers: Iterable[HeldOffer]) -> None:
        """These offers are held from now on; one for the same room and rate is replaced."""
        held = {(offer.room_type, offer.rate_plan): offer for offer in (*self.offers, *offers)}
        self.offers = sorted(held.values(), key=lambda offer: offer.total.cents)

    def offer_of(self, room_type: str, rate: str | None) -> HeldOffer | None:
        """The room's cheapest offer, or the one at the rate that the model names."""
        for offer in self.offers:
            if offer.room_type == room_type and (not rate or _is_rate(offer, rate)):
                return offer
        return None

    def speak_of(self, reservation: Reservation) -> None:
        """The guest now means this reservation."""
        self.reservation, self.cancellation, self.fee_told_in = reservation, None, None


class Stays:
    """What the tools about stays do in one call."""

    def __init__(self, hotel: Hotel, call: OngoingCall, client: HotelClient) -> None:
        self._call, self._client, self._telling = call, client, Telling(hotel, call)

    async def offer(
        self, dialogue: Dialogue, arrival: str, departure: str, adults: int, children: int, room: str | None
    ) -> Answer:
        """The rooms that are free. Of a room's rates the cheapest is said, and the model knows them all."""
        stay = Stay.model_validate({"arrival": arrival, "departure": departure, "adults": adults, "children": children})
        dialogue.talk_about(stay)
        kind = self._telling.room_type(room) if room else None
        answered = await self._client.offers(OffersRequest(stay=stay, room_type=kind))
        dialogue.hold(answered.offers)
        days = self._telling.days(stay)
        if not answered.offers:
            return {"offers": [], "say": self._say("nothing_free", **days)}
        first, *others = _cheapest(answered.offers)
        sentences = [self._telling.offered("offer", first, answered.offers, **days)]
        sentences += [self._telling.offered("or_offer", offer, answered.offers) for offer in others]
        sentences += self._telling.city_tax(first.city_tax)
        return {"offers": [self._telling.shown(offer) for offer in answered.offers], "say": " ".join(sentences)}

    async def book(self, dialogue: Dialogue, room: str, rate: str | None, guest_name: str) -> Answer:
        """The offer last held for that room, as a reservation."""
        offer = dialogue.offer_of(self._telling.room_type(room), self._telling.rate_plan(rate) if rate else None)
        if offer is None:
            return {"error": "no_offer", "say": self._say("no_offer")}
        guest = Guest(name=guest_name)
        try:
            booked = await self._client.book(
                BookRequest(wish_id=offer.wish_id, guest=guest, callback=dialogue.callback)
            )
        except NewPrice as changed:
            dialogue.offers.remove(offer)
            if changed.offer is None:
                raise
            dialogue.hold([changed.offer])
            say = self._say(
                "price_changed_to",
                room=self._telling.room(changed.offer),
                total=self._telling.money(changed.offer.total),
            )
            return {"error": changed.code, "offers": [self._telling.shown(changed.offer)], "say": say}
        except InDoubt as doubt:
            return await self._in_doubt(dialogue, doubt, offer, guest.name)
        reservation = booked.reservation
        dialogue.speak_of(reservation)
        code = self._spelled(reservation.code)
        days, total = self._telling.days(reservation.stay), self._telling.money(reservation.total)
        sentences = [self._say("booked", room=self._telling.room(reservation), total=total, code=code, **days)]
        sentences += self._telling.city_tax(reservation.city_tax)
        return {"booked": True, **self._telling.told(reservation), "say": " ".join(sentences)}

    async def find(
        self, dialogue: Dialogue, surname: str, code: str | None, arrival: str | None, departure: str | None
    ) -> Answer:
        """The reservation that fits what the guest said; the hotel's functions judge it and count wrong tries."""
        said: dict[str, str] | None = {"code": code} if code else None
        if said is None and arrival and departure:
            stay = Stay.model_validate({"arrival": arrival, "departure": departure})
            said = {"arrival": stay.arrival.isoformat(), "departure": stay.departure.isoformat()}
        if said is None:
            return {"error": "needs_more", "say": self._say("needs_more")}
        try:
            request = VerificationRequest.model_validate({"surname": surname, **said})
        except ValidationError:
            return {"error": "needs_more", "say": self._say("needs_more")}
        reservation = (await self._client.verify(request)).reservation
        self._call.turns.learn_name(reservation.guest.name)
        self._spelled(reservation.code)
        dialogue.speak_of(reservation)
        cancelled = reservation.state is ReservationState.CANCELLED
        days, total = self._telling.days(reservation.stay), self._telling.money(reservation.total)
        say = self._say(
            "found_cancelled" if cancelled else "found", room=self._telling.room(reservation), total=total, **days
        )
        return {"found": True, **self._telling.told(reservation), "state": reservation.state, "say": say}

    async def fee(self, dialogue: Dialogue, speech_id: str) -> Answer:
        """What cancelling the reservation costs that is spoken of; told in this speech."""
        if dialogue.reservation is None:
            return {"error": "no_reservation", "say": self._say("no_reservation")}
        answered = await self._client.offers(OffersRequest(kind="cancel", code=dialogue.reservation.code))
        (offer,) = answered.offers
        return self._tell_fee(dialogue, offer, speech_id)

    async def cancel(self, dialogue: Dialogue, speech_id: str) -> Answer:
        """The reservation that is spoken of, cancelled at the fee that an earlier speech has told."""
        offer = dialogue.cancellation
        if offer is None or offer.code is None:
            return {"error": "no_fee", "say": self._say("no_fee")}
        if dialogue.fee_told_in == speech_id:
            return {"error": "not_agreed", **self._tell_fee(dialogue, offer, speech_id)}
        try:
            request = CancelRequest(callback=dialogue.callback)
            cancelled = await self._client.cancel(offer.code, offer.wish_id, request)
        except NewPrice as changed:
            dialogue.cancellation = None
            if changed.offer is None:
                raise
            return {"error": changed.code, **self._tell_fee(dialogue, changed.offer, speech_id)}
        except InDoubt as doubt:
            name = dialogue.reservation.guest.name if dialogue.reservation else None
            return await self._in_doubt(dialogue, doubt, offer, name)
        dialogue.speak_of(cancelled.reservation)
        fee = cancelled.fee
        say = self._say("cancelled_at", fee=self._telling.money(fee)) if fee.cents else self._say("cancelled")
        return {"cancelled": True, "code": cancelled.reservation.code, "fee": str(fee), "say": say}

    def _tell_fee(self, dialogue: Dialogue, offer: HeldOffer, speech_id: str) -> dict[str, Any]:
        dialogue.cancellation, dialogue.fee_told_in = offer, speech_id
        if offer.fee is None:
            return {"error": "no_fee", "say": self._say("not_possible")}
        costs = offer.fee.cents > 0
        say = self._say("fee", fee=self._telling.money(offer.fee)) if costs else self._say("no_charge")
        return {"fee": str(offer.fee), "code": offer.code, "say": say}

    async def _in_doubt(self, dialogue: Dialogue, doubt: InDoubt, offer: HeldOffer, name: str | None) -> Answer:
        """The truth, and somebody who finds out.

        The functions leave the front desk a follow-up when they are in doubt. It is left from here when they may not
        have heard of the wish.
        """
        if isinstance(doubt, Unheard) and offer.wish_id not in dialogue.doubted:
            what = "cancelled the reservation of" if offer.fee is not None else "booked"
            stay = f"a {offer.room}, {_written(offer.stay.arrival)} to {_written(offer.stay.departure)}"
            follow_up = FollowUp(
                id=uuid.uuid4().hex,
                at=datetime.now(UTC),
                kind="callback" if dialogue.callback else "message",
                callback=dialogue.callback,
                guest_name=name,
                message=f"It is not known whether the booking system has {what} {stay}. "
                "The guest was told so, and that somebody will find out.",
            )
            try:
                await self._call.leave_follow_up(follow_up)
            except Unreachable:
                # It is tried on; what the guest is told must be true if it never arrives.
                return {"error": doubt.code, "say": self._say("in_doubt_alone")}
            dialogue.doubted.add(offer.wish_id)
        return {"error": doubt.code, "say": self._say("in_doubt" if dialogue.callback else "in_doubt_without_number")}

    def _spelled(self, code: str) -> str:
        spelled = spoken_code(code)
        self._call.turns.learn_spelling(spelled, code)
        return spelled

    def _say(self, phrase: str, **facts: str) -> str:
        return self._telling.say(phrase, **facts)


def _cheapest(offers: Iterable[HeldOffer]) -> list[HeldOffer]:
    """Of each room the first offer, which is the cheapest."""
    cheapest: dict[str, HeldOffer] = {}
    for offer in offers:
        cheapest.setdefault(offer.room_type, offer)
    return list(cheapest.values())


def _is_rate(offer: HeldOffer, rate: str) -> bool:
    wanted = rate.strip().lower()
    # A hotel with one rate has no name for it.
    return offer.rate is None or wanted in (offer.rate_plan, offer.rate.lower()) or offer.rate_plan in wanted.split()


def _written(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
