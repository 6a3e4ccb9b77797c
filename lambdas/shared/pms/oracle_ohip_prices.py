"""Amounts as OPERA Cloud tells them, in a guest's terms: what a stay, each of its nights and cancelling it costs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from lambdas.shared.domain.errors import NotPossible
from lambdas.shared.domain.money import Money
from lambdas.shared.pms.amounts import exact, money
from lambdas.shared.pms.oracle_ohip_models import Amount, Penalty, Rate, Total


@dataclass(frozen=True)
class Price:
    """`total` has every tax in it but the city's, `taxes` is the part of it that is tax, where that is told."""

    total: Money
    taxes: Money | None
    city_tax: Money | None


def price_of(total: Total, *, gross: Amount | None, currency: str, city_tax_code: str | None) -> Price | None:
    """What a total says; `gross` is the price with the taxes inside it where it tells none after tax. None where
    neither is known.

    Raises ValueError for an amount or currency that is none.
    """
    city = [tax for tax in total.taxes.tax if city_tax_code and tax.code == city_tax_code]
    others = [tax for tax in total.taxes.tax if tax not in city]
    city_cents = sum(money(tax.amount, currency).cents for tax in city)
    if total.amount_after_tax is not None:
        cents = money(total.amount_after_tax, currency).cents - city_cents
    elif gross is not None:
        inside = sum(money(tax.amount, currency).cents for tax in city if tax.type == "Inclusive")
        on_top = sum(money(tax.amount, currency).cents for tax in others if tax.type == "Exclusive")
        cents = money(gross, currency).cents - inside + on_top
    else:
        return None
    return Price(
        total=Money(cents=cents, currency=currency),
        taxes=Money(cents=sum(money(tax.amount, currency).cents for tax in others), currency=currency)
        if others
        else None,
        city_tax=Money(cents=city_cents, currency=currency) if city else None,
    )


def nightly(rates: Sequence[Rate], evenings: Sequence[date]) -> tuple[Amount, ...] | None:
    """What each night costs, as the rate has it; None unless every night is told.

    Where two spans meet on a day, the one that begins there tells its night: whether a span's `end` is the last
    evening or the morning after is not written down.
    """
    nights: list[Amount] = []
    for evening in evenings:
        spans = [rate for rate in rates if rate.start <= evening <= rate.end]
        if not spans:
            return None
        span = max(spans, key=lambda rate: rate.start)
        amount = span.base.amount_before_tax
        if amount is None:
            amount = span.total.amount_before_tax
        if amount is None:
            return None
        nights.append(amount)
    return tuple(nights)


def summed(amounts: Sequence[Amount], currency: str) -> Money:
    """Several amounts together, rounded once. Raises ValueError for one that is none."""
    for amount in amounts:
        money(amount, currency)
    return money(sum((Decimal(str(amount)) for amount in amounts), Decimal(0)), currency)


def share(of: Money, percent: Decimal) -> Money:
    """So many percent of an amount, rounded half up to the cent."""
    return money(Decimal(of.cents) * percent / 10_000, of.currency)


def fee_of(
    penalties: Iterable[Penalty], total: Money, nights: Sequence[Money], *, now: datetime, zone: ZoneInfo
) -> Money:
    """The dearest of the penalties that are in force now, nothing where none is; `nights` is the total by night.

    Raises NotPossible where OPERA does not say enough, ValueError for amounts that cannot be.
    """
    fees = [_penalty(found, total, nights) for found in penalties if _is_in_force(found, now, zone)]
    return max(fees, key=lambda fee: fee.cents, default=total * 0)


def by_night(total: Money, amounts: Sequence[Amount] | None) -> list[Money]:
    """A stay's total by night, as its nightly amounts weigh; empty where these are not told."""
    if amounts is None or (whole := summed(amounts, total.currency)).cents <= 0:
        return []
    return [share(total, Decimal(money(amount, total.currency).cents) / whole.cents * 100) for amount in amounts]


def _is_in_force(penalty: Penalty, now: datetime, zone: ZoneInfo) -> bool:
    if penalty.effective is not None:
        return penalty.effective
    deadline = penalty.deadline.absolute_deadline
    if deadline is None:
        raise NotPossible("the hotel's system does not say from when cancelling costs something", vendor_code="policy")
    return now >= (deadline if deadline.tzinfo else deadline.replace(tzinfo=zone))


def _penalty(penalty: Penalty, total: Money, nights: Sequence[Money]) -> Money:
    """What a penalty amounts to: the amount that OPERA has computed, or else what its terms say."""
    terms = penalty.amount_percent
    if (terms.currency_code or total.currency) != total.currency:
        raise NotPossible("cancelling costs something in another currency", vendor_code="policy")
    amount = money(terms.amount or 0, total.currency)
    percent = exact(terms.percent or 0, "a percentage")
    charged = nights[: terms.nights or 0]
    if amount.cents > 0:
        return amount
    match terms.basis_type:
        case "FlatAmount" if terms.amount is not None:
            return amount
        case "FullAmount":
            return total
        case "Percentage" if percent > 0:
            return share(total, percent)
        case "Nights" if charged:
            # Shares that do not divide evenly are the whole together.
            return total if len(charged) == len(nights) else sum(charged[1:], start=charged[0])
        case "NightPercentage" if percent > 0 and nights:
            return share(sum(charged[1:], start=nights[0]), percent)
        case None if penalty.non_refundable:
            return total
    raise NotPossible("the hotel's system does not say what cancelling costs", vendor_code="policy")
