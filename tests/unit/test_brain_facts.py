"""What is, and what is not, found in a guest's words as a recogniser writes them."""

from datetime import date

import pytest

from local.facts import Fact, find
from local.script import DateSlot, NameSlot, NightsSlot, NumberSlot, Slot, TextSlot, WordsSlot, YesSlot

pytestmark = pytest.mark.unit

TODAY = date(2026, 11, 24)
ARRIVAL = DateSlot(kind="date", ask="When?")
NIGHTS = NightsSlot(kind="nights", ask="How many nights?")
ADULTS = NumberSlot(kind="number", unit="people|persons?|adults?|guests?", most=9, ask="How many?")
NAME = NameSlot(kind="name", ask="What name?")
CONSENT = YesSlot(kind="yes", ask="Shall I?")
ROOM = WordsSlot(kind="words", words={"double room": r"\bdouble\b", "suite": r"\bsuite\b"}, ask="Which room?")
MESSAGE = TextSlot(kind="text", ask="What may I tell them?")


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("The fifteenth of March.", date(2027, 3, 15)),
        ("on the 15th of March", date(2027, 3, 15)),
        ("March 15", date(2027, 3, 15)),
        ("March 15th, please.", date(2027, 3, 15)),
        ("MARCH THE FIFTEENTH", date(2027, 3, 15)),
        ("the fifteenth day of March", date(2027, 3, 15)),
        ("the twelfth, of March", date(2027, 3, 12)),
        ("15 March", date(2027, 3, 15)),
        ("15 of March", date(2027, 3, 15)),
        ("15th of March 2028", date(2028, 3, 15)),
        ("March fifteenth, twenty twenty-eight", date(2028, 3, 15)),
        ("2027-03-15", date(2027, 3, 15)),
        ("the twenty first of December", date(2026, 12, 21)),
        ("the twenty-first of December", date(2026, 12, 21)),
        ("Dec. 3rd", date(2026, 12, 3)),
        ("the first of May", date(2027, 5, 1)),
        ("a room for two, March 5th", date(2027, 3, 5)),
        ("for 2 March 5th", date(2027, 3, 5)),
        ("on the 12th of March for two nights", date(2027, 3, 12)),
        ("from the 12th of March to the 14th of March", date(2027, 3, 12)),
        ("from March 12th until March 14th", date(2027, 3, 12)),
        ("the 12th of March, sorry, the 13th of March", date(2027, 3, 13)),
        ("today", TODAY),
        ("We arrive tonight.", TODAY),
        ("tomorrow", date(2026, 11, 25)),
        ("the day after tomorrow", date(2026, 11, 26)),
        ("the 24th of November", TODAY),
        ("the 23rd of November", date(2027, 11, 23)),
        ("February 29th", date(2028, 2, 29)),
    ],
)
def test_a_day_is_understood_in_the_ways_people_say_it(said: str, day: date) -> None:
    """A spoken day is the next such day, however it is put; a day of leaving is not one of arriving."""
    assert find(ARRIVAL, said, TODAY) == day


@pytest.mark.parametrize(
    "said",
    [
        "the 50th of March",
        "March 50th",
        "50 March",
        "the fiftieth of March",
        "the 31st of February",
        "the 15th of March 2025",
        "in March",
        "the 12th",
        "until the 14th of March",
        "March 2 nights",
        "March, two people",
        "May I book 2 nights?",
        "Purple monkeys dishwasher.",
        "",
    ],
)
def test_a_day_that_was_misheard_is_no_day(said: str) -> None:
    """What is no day of the calendar, or is a count beside a month, is not made into another day."""
    assert find(ARRIVAL, said, TODAY) is None


@pytest.mark.parametrize(
    ("said", "nights"),
    [
        ("two nights", 2),
        ("for 2 nights.", 2),
        ("For two knights, please.", 2),
        ("a two-night stay", 2),
        ("just a night", 1),
        ("one night", 1),
        ("a room for two people, for three nights", 3),
        ("twenty-one nights", 21),
        ("two nights, no, three nights", 3),
        ("for a week", 7),
        ("two weeks", 14),
    ],
)
def test_nights_are_counted(said: str, nights: int) -> None:
    """Nights come as words, digits or weeks; the last count said is the one that is meant."""
    assert find(NIGHTS, said, TODAY) == nights


@pytest.mark.parametrize(
    "said",
    ["to nights", "tonight", "What is it a night?", "0 nights", "forty nights", "two people", "two", "", "night"],
)
def test_a_count_that_was_not_said_is_not_guessed(said: str) -> None:
    """A number without its unit, out of range or misheard as another word counts for nothing."""
    assert find(NIGHTS, said, TODAY) is None


@pytest.mark.parametrize(
    ("said", "count"), [("two people", 2), ("2 adults", 2), ("Two grown people.", 2), ("ten guests", None)]
)
def test_people_are_counted_within_the_limits(said: str, count: int | None) -> None:
    """A number counts with one of its units, and only between its limits."""
    assert find(ADULTS, said, TODAY) == count


@pytest.mark.parametrize(
    ("said", "count"),
    [("Two.", 2), ("Just two, please.", 2), ("Two, or 3.", None), ("Well I have 1 dog and a cat", None)],
)
def test_a_bare_number_answers_the_question_for_it(said: str, count: int | None) -> None:
    """Asked for a number, a short answer with just one number is enough."""
    assert find(ADULTS, said, TODAY, asked=True) == count


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("My name is Peter Miller.", "Peter Miller"),
        ("Yes, please book it. My name is Peter Miller.", "Peter Miller"),
        ("my name is peter miller", "Peter Miller"),
        ("my name is peter miller and i would like a room", "Peter Miller"),
        ("The name is Anna-Lena O’Brien.", "Anna-Lena O'Brien"),
        ("The name's Miller.", "Miller"),
        ("On the name of Peter Miller", "Peter Miller"),
        ("in the name of Miller, please", "Miller"),
        ("under the name of Peter Miller", "Peter Miller"),
        ("Book it under Peter Miller.", "Peter Miller"),
        ("It's Peter Miller.", "Peter Miller"),
        ("This is Mr. Peter Miller.", "Peter Miller"),
        ("I'm Peter van der Berg, thanks.", "Peter van der Berg"),
        ("My name is Jürgen Müller", "Jürgen Müller"),
    ],
)
def test_a_name_is_taken_from_the_words_around_it(said: str, name: str) -> None:
    """A name is found behind the phrases with which people give it, and ends where it ends."""
    assert find(NAME, said, TODAY) == name


@pytest.mark.parametrize(
    "said",
    [
        "It's fine.",
        "My name is on the list.",
        "Is it for March Second?",
        "Peter Miller.",
        "I'm not sure.",
        "Purple monkeys dishwasher.",
        "It's the Double Room.",
        "",
    ],
)
def test_what_is_no_name_is_not_taken_for_one(said: str) -> None:
    """Without a phrase that gives a name, or with other words behind it, nobody is called anything."""
    assert find(NAME, said, TODAY) is None


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Peter Miller.", "Peter Miller"),
        ("Yes, Peter Miller.", "Peter Miller"),
        ("Mr. Miller", "Miller"),
        ("Yes.", None),
        ("I don't know.", None),
        ("Purple monkeys dishwasher.", None),
    ],
)
def test_a_bare_name_answers_the_question_for_it(said: str, name: str | None) -> None:
    """Asked for a name, an answer that is nothing but capitalised words is one."""
    assert find(NAME, said, TODAY, asked=True) == name


@pytest.mark.parametrize(
    ("said", "consent"),
    [
        ("Yes, please book it.", True),
        ("Sure.", True),
        ("That's fine.", True),
        ("No problem.", True),
        ("No.", False),
        ("No, thank you.", False),
        ("Not yet.", False),
        ("Yes, but not now.", None),
        ("Purple monkeys dishwasher.", None),
        ("", None),
    ],
)
def test_consent_is_a_clear_yes(said: str, consent: bool | None) -> None:
    """Only a yes without a no is consent, and what is neither is asked again."""
    assert find(CONSENT, said, TODAY) is consent


@pytest.mark.parametrize(
    ("slot", "said", "asked", "fact"),
    [
        (ROOM, "A DOUBLE room, please", False, "double room"),
        (ROOM, "not the double, the suite", False, "suite"),
        (ROOM, "with a CPU", False, None),
        (MESSAGE, "Please  call me back.", True, "Please call me back."),
        (MESSAGE, "Please call me back.", False, None),
    ],
)
def test_things_are_named_and_messages_given(slot: Slot, said: str, asked: bool, fact: Fact | None) -> None:
    """The last thing named counts; a message is what is said when asked for one."""
    assert find(slot, said, TODAY, asked=asked) == fact
