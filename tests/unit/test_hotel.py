"""A hotel's folder is read strictly, and what is wrong is told to whoever writes it."""

from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from lambdas.shared.domain.errors import HotelFileError
from lambdas.shared.domain.hotel import Hotel, Hotels, load_hotel

pytestmark = pytest.mark.unit

FILE = """
name = "{name}"
title = "Hotel Test"
city = "Lisbon"
timezone = "Europe/Lisbon"
currency = "EUR"
languages = ["en", "de"]
check_in = 15:00:00
check_out = 11:00:00
[phone]
numbers = ["+351211234567", "{number}"]
front_desk = "+351211234569"
[pms]
connector = "demo"
[pms.demo.double]
rooms = 6
night_cents = 12900
[rooms.double]
title = "double room"
sleeps = 2
[[voices.en]]
engine = "http"
voice = "one"
[[voices.de]]
engine = "http"
voice = "two"
"""
PAGE = """# Breakfast
From seven to half past ten,
in the winter garden.

## Parking
Under the house.

## Empty
"""


def write(hotels: Path, text: str = FILE, *, name: str = "test", number: str = "+351211234568") -> Path:
    folder = hotels / name
    (folder / "knowledge").mkdir(parents=True)
    (folder / "hotel.toml").write_text(text.replace("{name}", name).replace("{number}", number), encoding="utf-8")
    (folder / "knowledge" / "house.md").write_text(PAGE, encoding="utf-8")
    return folder


def test_a_folder_is_a_hotel(tmp_path: Path) -> None:
    """Facts come from the file, knowledge from the pages, a section a topic; retention has a default."""
    hotel = load_hotel(write(tmp_path))

    assert (hotel.name, hotel.language, hotel.check_in) == ("test", "en", time(15))
    assert hotel.knowledge == {
        "breakfast": "From seven to half past ten, in the winter garden.",
        "parking": "Under the house.",
    }
    assert (str(hotel.night_price("double")), hotel.retention.calls_days) == ("129.00 EUR", 90)


def test_a_hotel_is_told_of_in_each_of_its_languages(tmp_path: Path) -> None:
    """Titles and pages in a further language are used in it; what nobody has translated stays in the hotel's own."""
    folder = write(tmp_path, FILE.replace('"double room"', '"double room"\ntitles = { de = "Doppelzimmer" }'))
    (folder / "knowledge" / "de").mkdir()
    (folder / "knowledge" / "de" / "house.md").write_text("# Parken\nUnter dem Haus.\n", encoding="utf-8")

    hotel = load_hotel(folder)

    titles = [hotel.rooms["double"].title_in(language) for language in ("en", "de", "fr")]
    assert titles == ["double room", "Doppelzimmer", "double room"]
    assert list(hotel.topics("en")) == list(hotel.topics("fr")) == ["breakfast", "parking"]
    assert hotel.topics("de") == {"parken": "Unter dem Haus."}


def test_pages_in_a_language_that_the_hotel_does_not_speak_are_named(tmp_path: Path) -> None:
    """Nobody would ever hear them."""
    folder = write(tmp_path)
    (folder / "knowledge" / "fr").mkdir()

    with pytest.raises(HotelFileError, match='knowledge/fr: the hotel does not speak "fr" beside its own'):
        load_hotel(folder)


def test_the_demo_hotel_can_be_read() -> None:
    """The hotel of this repository has its number, a voice for every language and something to tell."""
    hotels = Hotels.load(Path(__file__).parents[2] / "hotels")

    aurora = hotels.by_number["+493023125001"]
    assert aurora is hotels.by_name["aurora"]
    assert len(aurora.topics("de")) == len(aurora.knowledge) > 0


def test_a_folder_cannot_be_called_unknown(tmp_path: Path) -> None:
    """Calls to numbers without a hotel are kept under that name, and no hotel may see them."""
    with pytest.raises(HotelFileError, match='name "unknown" is kept for calls'):
        load_hotel(write(tmp_path, name="unknown"))


def test_a_day_is_the_hotels_own(tmp_path: Path) -> None:
    """A call just before midnight in London is the next day's in Lisbon's summer only where clocks say so."""
    hotel = load_hotel(write(tmp_path, FILE.replace("Europe/Lisbon", "Europe/Berlin")))

    assert hotel.day_of(datetime(2026, 11, 24, 23, 30, tzinfo=UTC)) == date(2026, 11, 25)


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ('"{number}"', '"030 1234"', '[phone] numbers[1] "030 1234" is not E.164; write it as "+49301234…"'),
        ('front_desk = "+351211234569"', "", "[phone] front_desk is missing"),
        ("Europe/Lisbon", "Lisbon", 'timezone "Lisbon" is not a time zone of the IANA database'),
        ('["en", "de"]', '["en", "pt"]', 'languages "pt" is not one of en, de, fr, it, es, nl'),
        ('["en", "de"]', "[]", "languages [] is not allowed: tuple should have at least 1 item"),
        ('currency = "EUR"', 'currency = "Euro"', "currency 'Euro' is not allowed: string should match pattern"),
        (
            "sleeps = 2",
            "sleeps = 0",
            "[rooms.double] sleeps 0 is not allowed: input should be greater than or equal to 1",
        ),
        ("night_cents = 12900", "night_cents = 129.5", "[pms.demo.double] night_cents 129.5 is not allowed"),
        ("[pms.demo.double]", "[pms.demo.suite]", "[pms.demo.suite] is not one of the rooms double"),
        ("sleeps = 2", 'sleeps = 2\ntitles = { nl = "kamer" }', '[rooms.double.titles]: the hotel does not speak "nl"'),
        ("[[voices.de]]", "[[voices.fr]]", "[[voices.de]] is missing: every language needs at least one voice"),
        ('voice = "two"', 'voice = "two"\nvolume = 11', "[voices.de.0] volume is not a field that is known here"),
        ('name = "{name}"', 'name = "other"', 'name "other" must be the folder\'s, "test"'),
        ('title = "Hotel Test"', "title = Hotel Test", "is not TOML"),
    ],
)
def test_an_error_names_file_field_and_what_is_allowed(tmp_path: Path, right: str, wrong: str, told: str) -> None:
    """Whoever wrote the file knows where to look and what to write."""
    assert right in FILE
    folder = write(tmp_path, FILE.replace(right, wrong))

    with pytest.raises(HotelFileError) as caught:
        load_hotel(folder)

    assert str(folder / "hotel.toml") in str(caught.value)
    assert told in str(caught.value)


def test_all_errors_are_told_at_once(tmp_path: Path) -> None:
    """A file with two faults is not mended in two rounds."""
    folder = write(tmp_path, FILE.replace("sleeps = 2", "sleeps = 0").replace("Europe/Lisbon", "Lisbon"))

    with pytest.raises(HotelFileError) as caught:
        load_hotel(folder)

    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("page", "told"),
    [("# Pool\nFür Gäste.".encode("latin-1"), "must be text in UTF-8"), (b"# PARKING\nNone.", '"PARKING" is a topic')],
)
def test_a_page_that_cannot_be_used_is_named(tmp_path: Path, page: bytes, told: str) -> None:
    """A page in another encoding, or a topic that is told twice, stops the start-up and says which page it is."""
    folder = write(tmp_path)
    (folder / "knowledge" / "more.md").write_bytes(page)

    with pytest.raises(HotelFileError, match=r"knowledge/more\.md") as caught:
        load_hotel(folder)

    assert told in str(caught.value)


def test_a_folder_without_its_file_is_told(tmp_path: Path) -> None:
    """An empty folder is a mistake, not a hotel less."""
    (tmp_path / "empty").mkdir()

    with pytest.raises(HotelFileError, match=r"needs a hotel\.toml"):
        Hotels.load(tmp_path)


def test_a_deployment_has_a_hotel(tmp_path: Path) -> None:
    """A folder without hotels stops the start-up."""
    with pytest.raises(HotelFileError, match="no hotel"):
        Hotels.load(tmp_path)


def test_a_number_has_one_hotel(tmp_path: Path) -> None:
    """Two hotels that claim one number stop the start-up; the error names both."""
    write(tmp_path, name="first", number="+351211234568")
    write(tmp_path, name="second", number="+351211234560")

    with pytest.raises(HotelFileError, match=r"numbers \+351211234567 is claimed by first and second"):
        Hotels.load(tmp_path)


def test_hotels_are_found_by_every_number_of_theirs(tmp_path: Path) -> None:
    """A hotel may be dialled by several numbers; hidden folders are none."""
    write(tmp_path)
    (tmp_path / ".git").mkdir()

    hotels = Hotels.load(tmp_path)

    assert [hotel.name for hotel in hotels] == ["test"]
    assert isinstance(hotels.by_number["+351211234568"], Hotel)
