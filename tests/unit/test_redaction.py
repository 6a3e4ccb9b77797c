"""What identifies a guest never stays in a text; what a hotel needs to read does."""

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.shared.redaction import redact, redact_event

pytestmark = pytest.mark.unit

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("+491713920055", "[phone]"),
        ("+49 171 3920055", "[phone]"),
        ("+49 (0)171-392 00 55", "[phone]"),
        ("0049 171 3920055", "[phone]"),
        ("01713920055", "[phone]"),
        ("0171/3920055", "[phone]"),
        ("0171, 392, 0055", "[phone]"),
        ("(030) 23 12 50 01", "([phone]"),
        ("06.12.34.56.78", "[phone]"),
        ("491713920055", "[phone]"),
        ("171 392 0055", "[phone]"),
        ("1 7 1 3 9 2 0 0 5 5", "[phone]"),
        ("sip_+491713920055 joined", "sip_[phone] joined"),
        ("sip_%2B491713920055", "sip_[phone]"),
        ("sip491713920055", "sip[phone]"),
        (r'{"identity": "sip_\u002b491713920055"}', '{"identity": "sip_[phone]"}'),
        ("Phone +491713920055", "Phone [phone]"),
        ("tel:+491713920055,", "tel:[phone],"),
        ("my number is 2312 5001", "my number is [phone]"),
        ("you can reach me on 555 0199", "you can reach me on [phone]"),
        ("0171 3920055 on 2026-12-10", "[phone] on 2026-12-10"),
        ("plus four nine one seven one three nine two zero zero five five", "[phone]"),
        ("it is zero one seven one, three nine two, double zero double five.", "it is [phone]."),
        ("plus forty nine one seventy one thirty nine twenty oh five five", "[phone]"),
        ("plus 49, one seven one, 3920055", "[phone]"),
        ("null eins sieben eins drei neun zwei null null fünf fünf", "[phone]"),
        ("null eins einundsiebzig neununddreißig zwanzig null fünf fünf", "[phone]"),
        ("zéro six douze trente-quatre cinquante-six soixante-dix-huit", "[phone]"),
        ("cero seis doce treinta y cuatro cincuenta y seis siete ocho", "[phone]"),
    ],
)
def test_a_phone_number_goes_in_every_notation(text: str, redacted: str) -> None:
    """However a number is written or read out, it becomes [phone]."""
    assert redact(text) == redacted


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("4111 1111 1111 1111", "[card]"),
        ("4111-1111-1111-1111", "[card]"),
        ("the card is 378282246310005, thanks", "the card is [card], thanks"),
        ("one digit misheard: 4111 1111 1111 1112", "one digit misheard: [card]"),
        ("four " + "one " * 15, "[card] "),
        ("DE89 3704 0044 0532 0130 00 thanks", "[iban] thanks"),
        ("de89370400440532013000", "[iban]"),
        ("GB82 WEST 1234 5698 7654 32 please", "[iban] please"),
        ("FR14 2004 1010 0505 0001 3M02 606", "[iban]"),
        ("at 10 tomorrow evening, my iban is AT61 1904 3002 3457 3201", "at 10 tomorrow evening, my iban is [iban]"),
        ("DE89 3704 0044 0532 0130 01", "[iban]"),
    ],
)
def test_a_card_or_account_goes(text: str, redacted: str) -> None:
    """Cards and accounts become their mark, also with a digit that was misheard."""
    assert redact(text) == redacted


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("write to anna.schmidt+hotel@mail.example.com.", "write to [email]."),
        ("/guests/anna%40example.com", "/guests/[email]"),
        ("anna dot schmidt at example dot com please", "[email] please"),
        ("it's a n n a at web dot de", "it's [email]"),
        ("anna underscore s at t minus online dot de", "[email]"),
        ("anna.schmidt at gmail.com", "[email]"),
        ("anna punkt schmidt ät beispiel punkt de", "[email]"),
    ],
)
def test_an_email_address_goes(text: str, redacted: str) -> None:
    """Addresses become [email], also as a recogniser hears them."""
    assert redact(text) == redacted


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("My name is Anna Schmidt.", "My name is [name]."),
        ("my name is anna schmidt and i would like a room", "my name is [name] and i would like a room"),
        ("my name's Bo, with a b", "my name's [name], with a b"),
        ("Please book it on the name of Karl-Heinz O'Neil", "Please book it on the name of [name]"),
        ("Under the name of van der Berg, thanks", "Under the name of [name], thanks"),
        ("the last name is Müller", "the last name is [name]"),
        ("Good evening, Mrs. Smith", "Good evening, Mrs. [name]"),
        ("this is Anna Schmidt speaking", "this is [name] speaking"),
        ("It's S C H M I D T", "It's [name]"),
        ("that is S-C-H-M-I-D-T", "that is [name]"),
        ("Ich heiße Anna Berg und möchte ein Zimmer", "Ich heiße [name] und möchte ein Zimmer"),
        ("auf den Namen Berg bitte", "auf den Namen [name] bitte"),
        ("je m'appelle Zoë Petit", "je m'appelle [name]"),
        ("mi chiamo Rossi", "mi chiamo [name]"),
        ("me llamo García", "me llamo [name]"),
        ("mijn naam is de Vries", "mijn naam is [name]"),
    ],
)
def test_a_name_that_is_introduced_goes(text: str, redacted: str) -> None:
    """A guest who says their name, or spells it, is not named in the transcript."""
    assert redact(text) == redacted


@pytest.mark.parametrize(
    "text",
    ["Anna Schmidt", "ANNA  SCHMIDT", "schmidt", "Anna", "Anna Schmidt-Schmidt"],
)
def test_a_known_name_goes_wherever_it_stands(text: str) -> None:
    """A name that was given goes, whole and in parts, in any case."""
    assert redact(f"I have {text} here", names=["Anna Schmidt"]).replace("-", "") in (
        "I have [name] here",
        "I have [name][name] here",
    )


@pytest.mark.parametrize("text", ["Müller", "Mueller", "Muller", "MÜLLER"])
def test_a_known_name_goes_however_its_umlaut_is_written(text: str) -> None:
    """Recognisers and keyboards without umlauts do not give a guest away."""
    assert redact(f"for {text}.", names=["Jörg Müller"]) == "for [name]."


def test_parts_of_words_are_no_names() -> None:
    """A guest called Ann does not blank out an announcement."""
    assert redact("the announcement of May", names=["Ann", " "]) == "the announcement of May"


@pytest.mark.parametrize(
    "text",
    [
        "call_+493023125001_Ab3dEf6hIj9k",
        "/v1/calls/call_%2B493023125001_Ab3dEf6hIj9k/events",
        "room 101, rooms 102 and 103, table 7",
        "two adults and two children for three nights in one double room",
        "from 2026-12-10 to 2026-12-12",
        "from 10.12.2026 to 12.12.2026, 2 nights",
        "10.12.-12.12.2026",
        "10/12/2026-12/12/2026",
        "on the tenth of December twenty twenty six",
        "December 10 2026 2 nights",
        "258.00 EUR, 1.290,00 €, $1,290.00",
        "breakfast from 7:00 to 10:30, check-out at 11",
        "2026-11-24T08:07:35.740761+00:00",
        "2026-11-24 08:07:35,740 INFO",
        "127.0.0.1:54321 and 192.168.100.200",
        "3f2504e0-4489-1113-9012-030512345678",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        '{"at": 1761234567.123, "ssrc": 3123456789, "ms": 171.392005, "ns": 1761234567123456789}',
        "took 0.0012345678 s",
        "This is Hotel Aurora, an automated assistant.",
        "what is the name of the hotel, and may I have your name please",
        "my name is on the booking",
        "see you at noon. Bye",
        "we arrive at 10.30",
        "",
    ],
)
def test_what_a_hotel_needs_stays(text: str) -> None:
    """Call ids, dates, times, prices, rooms, addresses of machines and measured values are nobody's."""
    assert redact(text) == text


@given(number=st.from_regex(r"\+[1-9][0-9]{7,14}", fullmatch=True), data=st.data())
def test_no_grouping_hides_a_number(number: str, data: st.DataObject) -> None:
    """Blanks, hyphens, dots and brackets between any two digits change nothing."""
    separators = data.draw(st.lists(st.sampled_from(["", "", " ", "-", ".", "/", " - "]), min_size=16, max_size=16))
    written = "".join(digit + separator for digit, separator in zip(number, separators, strict=False)).strip()

    assert not any(character.isdigit() for character in redact(f"call {written}, please"))


@given(number=st.from_regex(r"0[1-9][0-9]{7,10}", fullmatch=True), data=st.data())
def test_no_way_of_reading_out_hides_a_number(number: str, data: st.DataObject) -> None:
    """Each digit may be heard as a figure or as a word, with or without commas."""
    heard = [WORDS[int(digit)] if data.draw(st.booleans()) else digit for digit in number]
    text = data.draw(st.sampled_from([" ", ", "])).join(heard)

    assert redact(f"My number, {text}, that is all") == "My number, [phone], that is all"


@given(text=st.text(st.characters(exclude_categories=["Nd", "Lu", "Ll", "Lt", "Lo"], exclude_characters="@")))
def test_a_text_without_words_and_figures_stays(text: str) -> None:
    """Punctuation, blanks and signs of any script pass unchanged, and so do the marks among them."""
    marked = f"[phone]{text}[email]{text}[name]{text}[card]{text}[iban]"

    assert redact(marked) == marked


@pytest.mark.parametrize("text", ["²" * 20, "٣" * 20, "İE12 " + "1" * 20, "ſE12", "\ud800@x", "\0"])
def test_no_character_of_any_script_is_a_trap(text: str) -> None:
    """Figures and letters that Python counts among digits and capitals raise nothing."""
    assert "٣" not in redact(text)


@given(day=st.dates(date(2000, 1, 1), date(2099, 12, 31)), cents=st.integers(0, 999_999), room=st.integers(1, 2999))
def test_every_date_price_and_room_stays(day: date, cents: int, room: int) -> None:
    """Whatever the hotel's facts are, they can be read in the transcript."""
    text = f"room {room}, {day.isoformat()} or {day:%d.%m.%Y} or {day:%d/%m/%Y}: {cents // 100}.{cents % 100:02d} EUR"

    assert redact(text) == text


def test_a_log_event_is_redacted_at_every_depth() -> None:
    """Lists, mappings, their keys and what is not plain data are redacted; numbers and flags stay what they are."""
    event: dict[str, Any] = {
        "event": "guest +491713920055 joined",
        "call_id": "call_+493023125001_Ab3dEf6hIj9k",
        "room": "call_+493023125001_Ab3dEf6hIj9k",
        "ms": 12.5,
        "turn": 3,
        "interrupted": True,
        "error": None,
        "told": {"sip_+491713920055": ["anna@example.com", ("0171 3920055",)]},
        "raised": ValueError("no guest +491713920055"),
        "at": datetime(2026, 11, 24, 8, 7),
        "amount": Decimal("1.5"),
    }

    redacted = redact_event(None, "info", event)

    assert redacted == {
        **event,
        "event": "guest [phone] joined",
        "told": {"sip_[phone]": ["[email]", ["[phone]"]]},
        "raised": "no guest [phone]",
        "at": "2026-11-24 08:07:00",
        "amount": "1.5",
    }


def test_a_redacted_line_of_json_is_json() -> None:
    """A log that is redacted line by line can still be read by programs."""
    line = json.dumps({"identity": "sip_+491713920055", "ssrc": 4123456789, "at": 1761234567.25, "n": [1, 2]})

    assert json.loads(redact(line)) == {"identity": "sip_[phone]", "ssrc": 4123456789, "at": 1761234567.25, "n": [1, 2]}


@pytest.mark.parametrize("piece", ["a1B2", "1 ", "a.", "dot ", "anna dot ", "number ", "x@", "my name is ", "DE8", "+"])
def test_a_very_long_line_is_no_trap(piece: str) -> None:
    """Time grows with the length of a line, not with its square: this ends within the suite's limit."""
    text = piece * 20_000

    assert redact(text + " at ")
