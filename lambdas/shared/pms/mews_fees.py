"""What cancelling a reservation costs by the policies of Mews.

https://docs.mews.com/connector-api/operations/cancellationpolicies says what a policy is made of, and
https://help.mews.com/s/article/create-modify-or-delete-a-cancellation-policy what each part does. An offset counts from
the order's creation, its start, or midnight of its first day, and is negative before it: -7 days is a week before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from lambdas.shared.domain.errors import NotPossible
from lambdas.shared.domain.money import Money
from lambdas.shared.pms.amounts import exact, money
from lambdas.shared.pms.mews_durations import after
from lambdas.shared.pms.mews_models import Amount, Booked, OrderItem, Part

_EXTENTS: Final = {
    "TimeUnits": {"SpaceOrder"},
    "Products": {"ProductOrder"},
    "Everything": {"SpaceOrder", "ProductOrder"},
    "Nothing": set[str](),
}


class _Fee(Part):
    currency: str
    value: Amount


class Policy(Part):
    """`Cancellation policy data`: from when on it costs so much, plus that share of the price of the first nights."""

    applicability: str
    applicability_offset: str
    fee_extents: tuple[str, ...]
    fee_maximum_time_units: int | None = None
    absolute_fee: _Fee
    relative_fee: Amount


class _ReservationPolicies(Part):
    reservation_id: str
    policies: tuple[Policy, ...]


class Policies(Part):
    cancellation_policies: tuple[_ReservationPolicies, ...]


@dataclass(frozen=True)
class Terms:
    """A reservation's policies, and what they count from and apply to."""

    policies: Sequence[Policy]
    booked: Booked
    items: Sequence[OrderItem]
    zone: ZoneInfo

    def fee(self, now: datetime, currency: str) -> Money:
        """The dearest of the policies in force, nothing where none is.

        Raises NotPossible for terms that are not understood, ValueError for amounts that cannot be.
        """
        fees = [self._amount(policy, currency) for policy in self.policies if self._in_force(policy, now)]
        return max(fees, key=lambda fee: fee.cents, default=Money(cents=0, currency=currency))

    def _in_force(self, policy: Policy, now: datetime) -> bool:
        start = self.booked.scheduled_start_utc.astimezone(self.zone)
        bases = {
            "Creation": self.booked.created_utc.astimezone(self.zone),
            "Start": start,
            "StartDate": datetime.combine(start.date(), time(), self.zone),
        }
        try:
            base = bases[policy.applicability]
            begins = after(base, policy.applicability_offset)
        except (KeyError, ValueError):
            raise _not_said("from when") from None
        # Where examples write an offset without its sign, "ten days after the start" means before it. Guests who are
        # told that it is free must be right, so such a policy is left to the staff.
        if policy.applicability != "Creation" and begins >= base + timedelta(days=1):
            raise _not_said("from when")
        return now >= begins

    def _amount(self, policy: Policy, currency: str) -> Money:
        nothing = Money(cents=0, currency=currency)
        if policy.fee_maximum_time_units == 0:
            return nothing
        fixed = money(policy.absolute_fee.value, policy.absolute_fee.currency)
        if fixed.cents and fixed.currency != currency:
            raise _not_said("how much")
        try:
            kinds = set[str]().union(*(_EXTENTS[extent] for extent in policy.fee_extents))
        except KeyError:
            raise _not_said("how much") from None
        share = exact(policy.relative_fee, "a share") * self._price(kinds, policy.fee_maximum_time_units)
        fee = money(Decimal(fixed.cents) / 100 + share, currency)
        if fee.cents < 0:
            raise _not_said("how much")
        return fee

    def _price(self, kinds: Iterable[str], most: int | None) -> Decimal:
        """What the items of these kinds cost, those of the first nights where only so many count."""
        stay = [item for item in self.items if item.counts]
        nights = sorted({self._night(item) for item in stay if item.type == "SpaceOrder"})[:most]
        charged = [item for item in stay if item.type in kinds and (most is None or self._night(item) in nights)]
        return sum((Decimal(str(item.amount.gross_value)) for item in charged), Decimal(0))

    def _night(self, item: OrderItem) -> datetime:
        return datetime.combine(item.begins.astimezone(self.zone).date(), time())


def _not_said(what: str) -> NotPossible:
    return NotPossible(f"the hotel's system does not say clearly {what} cancelling costs", vendor_code="policy")
