"""The routes of a hotel's facts, offers and reservations."""

from __future__ import annotations

from lambdas.pms.models import Booked, BookRequest, HeldOffer, HotelFacts, Offers, OffersRequest
from lambdas.pms.service import Bookings
from lambdas.shared.domain.wish import Wish
from lambdas.shared.http import Api, CallInPath, Epoch, HotelInPath


def build_app(bookings: Bookings) -> Api:
    """The function's routes over these bookings."""
    app = Api("pms")

    @app.get("/v1/hotels/<hotel>")
    def facts(hotel: HotelInPath) -> HotelFacts:
        return HotelFacts.of(bookings.hotel(hotel))

    @app.post("/v1/hotels/<hotel>/calls/<call_id>/offers")
    def offers(hotel: HotelInPath, call_id: CallInPath, request: OffersRequest, epoch: Epoch) -> Offers:
        wishes = bookings.offers(hotel, call_id, request.stay, request.room_type, epoch)
        app.logger.info("offers held", call_id=call_id, hotel=hotel, offers=len(wishes))
        return Offers(offers=tuple(_held(wish) for wish in wishes))

    @app.post("/v1/hotels/<hotel>/calls/<call_id>/reservations")
    def reservations(hotel: HotelInPath, call_id: CallInPath, request: BookRequest, epoch: Epoch) -> Booked:
        reservation = bookings.book(hotel, call_id, request.wish_id, request.guest, rooms=request.rooms, epoch=epoch)
        app.logger.info("stay booked", call_id=call_id, hotel=hotel, wish_id=request.wish_id, code=reservation.code)
        return Booked(reservation=reservation)

    return app


def _held(wish: Wish) -> HeldOffer:
    return HeldOffer(
        wish_id=wish.id,
        stay=wish.offer.stay,
        room_type=wish.offer.room_type,
        room=wish.offer.room,
        nights=wish.offer.stay.nights,
        total=wish.offer.total,
        expires_at=wish.expires_at,
    )
