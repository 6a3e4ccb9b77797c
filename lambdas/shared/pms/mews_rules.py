"""What a hotel's own rules in Mews add to a room at a rate, and when they keep it from being booked.

https://docs.mews.com/connector-api/operations/rules and https://docs.mews.com/connector-api/operations/restrictions;
that a booking must meet every condition, and every exception to be let through, is in
https://help.mews.com/s/article/Understanding-restrictions-in-Mews-Operations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, Field

from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Stay
from lambdas.shared.pms.amounts import money
from lambdas.shared.pms.mews_durations import after
from lambdas.shared.pms.mews_models import Amount, Category, Page, Part, Rate


class _Condition(Part):
    value: str
    condition_type: str


class RuleConditions(Part):
    """All of them hold where a rule does."""

    rate_id: _Condition | None = None
    rate_group_id: _Condition | None = None
    business_segment_id: _Condition | None = None
    resource_category_id: _Condition | None = None
    resource_category_type: _Condition | None = None
    origin: _Condition | None = None
    travel_agency_id: _Condition | None = None
    minimum_time_unit_count: int | None = None
    maximum_time_unit_count: int | None = None


class Rule(Part):
    id: str
    conditions: RuleConditions = RuleConditions()


class _RuleProduct(Part):
    product_id: str = ""
    action_type: str = ""


class _RuleActionData(Part):
    value: _RuleProduct = _RuleProduct()


class RuleAction(Part):
    rule_id: str
    data: _RuleActionData = _RuleActionData()


class Rules(Page[Rule]):
    items: tuple[Rule, ...] = Field(alias="Rules")
    rule_actions: tuple[RuleAction, ...] = ()


class RestrictionConditions(Part):
    """All of them hold where a restriction does. Its first and its last day are in it."""

    type: str
    exact_rate_id: str | None = None
    base_rate_id: str | None = None
    rate_group_id: str | None = None
    resource_category_id: str | None = None
    resource_category_type: str | None = None
    start_utc: AwareDatetime | None = None
    end_utc: AwareDatetime | None = None
    days: tuple[str, ...] = ()


class _RestrictionPrice(Part):
    currency: str
    value: Amount | None = None


class RestrictionExceptions(Part):
    """What meets all of them is not restricted. A price is a night's."""

    min_advance: str | None = None
    max_advance: str | None = None
    min_length: str | None = None
    max_length: str | None = None
    min_price: _RestrictionPrice | None = None
    max_price: _RestrictionPrice | None = None


class Restriction(Part):
    conditions: RestrictionConditions
    exceptions: RestrictionExceptions = RestrictionExceptions()


class Restrictions(Page[Restriction]):
    items: tuple[Restriction, ...] = Field(alias="Restrictions")


@dataclass(frozen=True)
class Additions:
    """The products that rules add to reservations."""

    rules: Sequence[Rule] = ()
    actions: Sequence[RuleAction] = ()

    def of(self, stay: Stay, room: Category, rate: Rate) -> list[str]:
        """The ids of what comes with the room at the rate; what one rule adds and another deletes does not."""
        ruling = {rule.id for rule in self.rules if _rules(rule, stay, room, rate)}
        done = [action.data.value for action in self.actions if action.rule_id in ruling]
        deleted = {product.product_id for product in done if product.action_type == "Delete"}
        return [
            product.product_id for product in done if product.action_type == "Add" and product.product_id not in deleted
        ]


def _rules(rule: Rule, stay: Stay, room: Category, rate: Rate) -> bool:
    conditions = rule.conditions
    compared = [
        (conditions.rate_id, rate.id),
        (conditions.rate_group_id, rate.group_id),
        (conditions.business_segment_id, rate.business_segment_id),
        (conditions.resource_category_id, room.id),
        (conditions.resource_category_type, room.type),
        (conditions.origin, "Connector"),
        (conditions.travel_agency_id, None),
    ]
    least, most = conditions.minimum_time_unit_count, conditions.maximum_time_unit_count
    return (
        all((wanted.value == ours) == (wanted.condition_type == "Equals") for wanted, ours in compared if wanted)
        and (least is None or least <= stay.nights)
        and (most is None or stay.nights <= most)
    )


@dataclass(frozen=True)
class Wanted:
    """A room at a rate for a stay that begins and ends at these moments, at that price."""

    stay: Stay
    room: Category
    rate: Rate
    total: Money
    starts: datetime
    ends: datetime


@dataclass(frozen=True)
class Closures:
    """A hotel's restrictions, as far as they concern a stay."""

    restrictions: Sequence[Restriction]
    rates: Mapping[str, Rate]
    zone: ZoneInfo

    def let(self, wanted: Wanted, now: datetime) -> bool:
        """May it be booked now?"""
        return not any(
            self._concerns(restriction.conditions, wanted) and not _is_excepted(restriction.exceptions, wanted, now)
            for restriction in self.restrictions
        )

    def _concerns(self, conditions: RestrictionConditions, wanted: Wanted) -> bool:
        compared = [
            (conditions.exact_rate_id, {wanted.rate.id}),
            (conditions.base_rate_id, set(self._line(wanted.rate))),
            (conditions.rate_group_id, {wanted.rate.group_id}),
            (conditions.resource_category_id, {wanted.room.id}),
            (conditions.resource_category_type, {wanted.room.type}),
        ]
        days = {
            "Stay": wanted.stay.evenings,
            "Start": (wanted.stay.arrival,),
            "End": (wanted.stay.departure,),
        }.get(conditions.type, ())
        return all(named is None or named in ours for named, ours in compared) and any(
            self._is_in(conditions, day) for day in days
        )

    def _line(self, rate: Rate) -> Iterable[str]:
        """A rate, the one that it depends on, and so on."""
        known: list[str] = []
        next_one: Rate | None = rate
        while next_one and next_one.id not in known:
            known.append(next_one.id)
            next_one = self.rates.get(next_one.base_rate_id or "")
        return known

    def _is_in(self, conditions: RestrictionConditions, day: date) -> bool:
        first = self._day_of(conditions.start_utc) if conditions.start_utc else day
        last = self._day_of(conditions.end_utc) if conditions.end_utc else day
        return first <= day <= last and (not conditions.days or f"{day:%A}" in conditions.days)

    def _day_of(self, moment: datetime) -> date:
        try:
            return moment.astimezone(self.zone).date()
        except OverflowError:
            # The first or the last moment that can be written stands for no begin or end.
            return moment.date()


def _is_excepted(exceptions: RestrictionExceptions, wanted: Wanted, now: datetime) -> bool:
    """Are there exceptions, and does it meet them all? One that is not understood is not met."""
    begin, end = wanted.starts.replace(hour=0, minute=0), wanted.ends.replace(hour=0, minute=0)
    night = Decimal(wanted.total.cents) / wanted.stay.nights
    met: list[bool] = []
    try:
        if exceptions.min_advance:
            met.append(after(now, exceptions.min_advance) <= wanted.starts)
        if exceptions.max_advance:
            met.append(after(now, exceptions.max_advance) >= wanted.starts)
        if exceptions.min_length:
            met.append(after(begin, exceptions.min_length) <= end)
        if exceptions.max_length:
            met.append(after(begin, exceptions.max_length) >= end)
        if (least := exceptions.min_price) and least.value is not None:
            met.append(money(least.value, wanted.total.currency).cents <= night)
        if (most := exceptions.max_price) and most.value is not None:
            met.append(night <= money(most.value, wanted.total.currency).cents)
    except ValueError:
        return False
    return bool(met) and all(met)
