"""The routes of a hotel's facts, offers and reservations."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import BeforeValidator

from lambdas.pms.models import (
    Booked,
    BookRequest,
    Cancelled,
    CancelRequest,
    ChangeRequest,
    Code,
    HeldOffer,
    HotelFacts,
    NoteAdded,
    NoteRequest,
    Offers,
    OffersRequest,
    Reservations,
    VerificationRequest,
    Verified,
    WishId,
)
from lambdas.pms.service import Bookings
from lambdas.shared.bookings.carrying_out import Asked, NewPrice
from lambdas.shared.domain.errors import Refused
from lambdas.shared.domain.wish import WishKind
from lambdas.shared.http import Api, CallInPath, Epoch, HotelInPath, answer_error

CodeInPath = Annotated[Code, BeforeValidator(unquote), Path(description="The reservation's, as the guest says it")]
WishInQuery = Annotated[WishId, Query(description="The wish to carry out")]

_CALL = "/v1/hotels/<hotel>/calls/<call_id>"
_RESERVATION = f"{_CALL}/reservations/<code>"


def build_app(bookings: Bookings) -> Api:
    """The function's routes over these bookings."""
    app = Api("pms")

    def new_price(error: NewPrice) -> Response[Any]:
        app.logger.info("request refused", code=error.code, wish_id=error.wish.id)
        offer = HeldOffer.of(error.wish).model_dump(mode="json", exclude_none=True)
        return answer_error(409, error.code, str(error), offer=offer)

    app.exception_handler(NewPrice)(new_price)

    @app.get("/v1/hotels/<hotel>")
    def facts(hotel: HotelInPath) -> HotelFacts:
        return HotelFacts.of(*bookings.facts(hotel))

    @app.post(f"{_CALL}/offers")
    def offers(hotel: HotelInPath, call_id: CallInPath, request: OffersRequest, epoch: Epoch) -> Offers:
        wishes = bookings.offers(hotel, call_id, request, epoch)
        app.logger.info("offers held", call_id=call_id, hotel=hotel, kind=request.kind, offers=len(wishes))
        return Offers(offers=tuple(map(HeldOffer.of, wishes)))

    @app.post(f"{_CALL}/verification")
    def verification(hotel: HotelInPath, call_id: CallInPath, request: VerificationRequest, epoch: Epoch) -> Verified:
        reservation = bookings.verify(hotel, call_id, request, epoch)
        app.logger.info("reservation verified", call_id=call_id, hotel=hotel, code=reservation.code)
        return Verified(reservation=reservation)

    @app.get(f"{_CALL}/reservations")
    def reservations(hotel: HotelInPath, call_id: CallInPath, epoch: Epoch) -> Reservations:
        return Reservations(reservations=tuple(bookings.reservations(hotel, call_id, epoch)))

    @app.post(f"{_CALL}/reservations")
    def book(hotel: HotelInPath, call_id: CallInPath, request: BookRequest, epoch: Epoch) -> Booked:
        asked = Asked(
            epoch=epoch,
            guest=request.guest,
            contact=request.contact,
            callback=request.callback,
            rooms=request.rooms,
        )
        wish = bookings.carry_out(hotel, call_id, request.wish_id, WishKind.BOOK, asked)
        app.logger.info("stay booked", call_id=call_id, hotel=hotel, wish_id=wish.id, code=wish.code)
        return Booked(reservation=wish.outcome)

    @app.get(_RESERVATION)
    def reservation(hotel: HotelInPath, call_id: CallInPath, code: CodeInPath, epoch: Epoch) -> Booked:
        return Booked(reservation=bookings.reservation(hotel, call_id, code, epoch))

    @app.put(_RESERVATION)
    def change(
        hotel: HotelInPath, call_id: CallInPath, code: CodeInPath, request: ChangeRequest, epoch: Epoch
    ) -> Booked:
        asked = Asked(epoch=epoch, callback=request.callback)
        wish = bookings.carry_out(hotel, call_id, request.wish_id, WishKind.CHANGE, asked, code)
        app.logger.info("stay changed", call_id=call_id, hotel=hotel, wish_id=wish.id, code=wish.code)
        return Booked(reservation=wish.outcome)

    @app.delete(_RESERVATION)
    def cancel(
        hotel: HotelInPath,
        call_id: CallInPath,
        code: CodeInPath,
        wish_id: WishInQuery,
        epoch: Epoch,
        request: CancelRequest | None = None,
    ) -> Cancelled:
        asked = Asked(epoch=epoch, callback=request.callback if request else None)
        wish = bookings.carry_out(hotel, call_id, wish_id, WishKind.CANCEL, asked, code)
        if wish.fee is None:
            raise Refused("a cancellation without a fee was never offered")
        app.logger.info("stay cancelled", call_id=call_id, hotel=hotel, wish_id=wish.id, code=wish.code)
        return Cancelled(reservation=wish.outcome, fee=wish.fee)

    @app.post(f"{_RESERVATION}/notes")
    def note(
        hotel: HotelInPath, call_id: CallInPath, code: CodeInPath, request: NoteRequest, epoch: Epoch
    ) -> NoteAdded:
        bookings.add_note(hotel, call_id, code, request.id, request.text, epoch)
        app.logger.info("note added", call_id=call_id, hotel=hotel, note_id=request.id)
        return NoteAdded()

    return app
