"""Facts in what a guest was heard to say, in English or in German: days, counts, names, a yes.

Only what is there is found: a day that was misheard ("the 50th of March") is no day, a yes beside a no is neither.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Final

from local.german import in_english
from local.script import DateSlot, NameSlot, NightsSlot, NumberSlot, Slot, TextSlot, WordsSlot, YesSlot, next_day

Fact = date | int | bool | str


def _words(spaced: str) -> list[str]:
    return spaced.split()


_ONES: Final = _words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS: Final = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80}
_NUMBERS: Final = {word: value for value, word in enumerate(_ONES)} | {
    f"{tens}{'-' if ones else ''}{_ONES[ones] if ones else ''}": value + ones
    for tens, value in _TENS.items()
    for ones in range(10)
}
_FIRST: Final = _words("first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth")
_ORDINALS: Final = (
    {word: value for value, word in enumerate(_FIRST, 1)}
    | {f"{_ONES[value]}th": value for value in range(13, 20)}
    | {"twentieth": 20, "thirtieth": 30, "thirty-first": 31}
    | {f"twenty-{word}": 20 + value for value, word in enumerate(_FIRST[:9], 1)}
)
_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        _words(
            "january|jan february|feb march|mar april|apr may june|jun july|jul august|aug september|sept|sep october|"
            "oct november|nov december|dec"
        ),
        1,
    )
    for name in names.split("|")
}


def _any_of(words: dict[str, int]) -> str:
    longest_first = sorted(words, key=len, reverse=True)
    return "|".join(word.replace("-", "[- ]") for word in longest_first)


_NUMBER: Final = rf"(?:\d{{1,3}}|{_any_of(_NUMBERS)})"
_ORDINAL: Final = rf"(?:\d{{1,2}}(?:st|nd|rd|th)|{_any_of(_ORDINALS)})"
_CARDINAL: Final = rf"(?:\d{{1,2}}|{_any_of({w: n for w, n in _NUMBERS.items() if 1 <= n <= 31})})"
_MONTH: Final = rf"(?P<month>{_any_of(_MONTHS)})\b\.?"
_YEAR: Final = (
    r"(?:,? (?:of )?(?P<year>20\d\d|twenty[- ]twenty(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?)\b)?"
)
_COUNTED: Final = (
    r"(?![- ](?:more )?(?:k?nights?|days?|weeks?|people|persons?|adults?|guests?|children|kids|rooms?|of us)\b)"
)
_DAYS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\b(?P<day>{_ORDINAL})(?: day)?,?(?: of|,)? {_MONTH}{_YEAR}",
        rf"\b(?P<day>{_CARDINAL}) of {_MONTH}{_YEAR}",
        rf"\b{_MONTH},? (?:the )?(?P<day>{_ORDINAL})\b{_YEAR}",
        rf"\b{_MONTH} (?:the )?(?P<day>{_CARDINAL})\b{_COUNTED}{_YEAR}",
        rf"\b(?P<day>\d{{1,2}}) {_MONTH}{_YEAR}",
        r"\b(?P<year>20\d\d)-(?P<month>\d\d)-(?P<day>\d\d)\b",
    )
)
_NEARBY: Final = (
    (re.compile(r"\b(?:the )?day after tomorrow\b"), 2),
    (re.compile(r"\btomorrow\b"), 1),
    (re.compile(r"\b(?:today|tonight)\b"), 0),
)
_LEAVING: Final = re.compile(
    r"\b(?:until|till|til|to|through|leav\w+|depart\w*|check(?:ing)?[- ]?out)(?: on)?(?: the)? $"
)

_NIGHTS: Final = re.compile(rf"\b({_NUMBER}|a single|just a|for a)[- ](k?nights?|weeks?)\b")
_LONE_NUMBER: Final = re.compile(rf"\b{_NUMBER}\b")

_YES: Final = re.compile(
    r"\b(?:yes|yeah|yep|yup|sure|certainly|absolutely|of course|go ahead|please do|ok|okay|all ?right|correct"
    r"|that(?:'s| is| would be) (?:right|fine|good|great|perfect)|sounds (?:good|great|fine)|perfect"
    r"|book it|please book)\b"
)
_NO: Final = re.compile(r"\b(?:no|nope|not|don't|do not|never|cancel|rather|wait|instead|stop|wrong)\b")
_NOT_A_NO: Final = re.compile(r"\b(?:no problem|why not|no worries)\b")

_STRONG_CUE: Final = re.compile(
    r"\b(?:my (?:full )?name(?:'s| is|,)?|the name(?:'s| is)|name of|under the name|name is"
    r"|(?:i am|i'm) called)(?: of)?:? ",
    re.IGNORECASE,
)
_WEAK_CUE: Final = re.compile(r"\b(?:it's|it is|this is|i'm|i am|for|under) ", re.IGNORECASE)
_TITLE: Final = re.compile(r"^(?:mr|mrs|ms|miss|doctor|dr)\b\.? ?", re.IGNORECASE)
_NAME_WORD: Final = re.compile(r"^[^\W\d_]+(?:['-][^\W\d_]+)*$")
_PARTICLES: Final = frozenset(_words("van von der den de del della di da la le el bin al zu"))
_NO_NAMES: Final = frozenset(
    _words(
        "a an and are at be but bye call can do for from goodbye hello hi how i i'd i'm in is it it's may me my no not "
        "of okay on or please room sorry sure thank thanks that the then there this to two we well what when where "
        "with would yeah yes you your breakfast parking double single suite night nights"
    )
) | frozenset(_MONTHS)


def find(slot: Slot, said: str, today: date, *, asked: bool = False) -> Fact | None:
    """The slot's fact in what was heard, or None; `asked` says that the guest was just asked for it."""
    plain = " ".join(said.replace("’", "'").split())
    text = in_english(plain)
    low = text.lower()
    match slot:
        case DateSlot():
            return _day(low, today)
        case NightsSlot():
            return _in_range(_nights(low), 1, 30) or (_lone_number(low, 1, 30) if asked else None)
        case NumberSlot():
            found = [_count(number) for number in re.findall(rf"\b({_NUMBER})(?: \w+)? (?:{slot.unit})\b", low)]
            counted = _in_range(found[-1] if found else None, slot.least, slot.most)
            return counted if counted is not None or not asked else _lone_number(low, slot.least, slot.most)
        case NameSlot():
            return _name(text, asked=asked)
        case WordsSlot():
            return _last_named(slot, plain.lower())
        case YesSlot():
            return _consent(low)
        case TextSlot():
            return plain if asked and plain else None


def _last_named(slot: WordsSlot, text: str) -> str | None:
    ends = {
        value: max((found.end() for found in re.finditer(words, text, re.IGNORECASE)), default=-1)
        for value, words in slot.words.items()
    }
    last = max(ends, key=lambda value: ends[value])
    return last if ends[last] >= 0 else None


def _count(words: str) -> int:
    return int(words) if words.isdigit() else _NUMBERS[words.replace(" ", "-")]


def _in_range(number: int | None, least: int, most: int) -> int | None:
    return number if number is not None and least <= number <= most else None


def _lone_number(text: str, least: int, most: int) -> int | None:
    """The number of a short answer that has just one, such as "Two, please."."""
    found = _LONE_NUMBER.findall(text)
    return _in_range(_count(found[0]), least, most) if len(found) == 1 and len(text.split()) <= 4 else None


def _nights(text: str) -> int | None:
    found = _NIGHTS.findall(text)
    if not found:
        return None
    number, unit = found[-1]
    return (1 if number.endswith(" a") or number == "a single" else _count(number)) * (7 if "week" in unit else 1)


def _day(text: str, today: date) -> date | None:
    """The last day named that is not the one of leaving."""
    found: dict[int, date | None] = {}
    for pattern in _DAYS:
        for match in pattern.finditer(text):
            if not _LEAVING.search(text[: match.start()]):
                found[match.start()] = _date(match.groupdict(), today)
            # What one way of writing a day has taken, another must not read once more.
            text = text[: match.start()] + "·" * len(match[0]) + text[match.end() :]
    for pattern, ahead in _NEARBY:
        for match in pattern.finditer(text):
            found[match.start()] = today + timedelta(days=ahead)
            text = text[: match.start()] + "·" * len(match[0]) + text[match.end() :]
    return found[max(found)] if found else None


def _date(parts: dict[str, str | None], today: date) -> date | None:
    written, month_name, year_words = parts["day"] or "", parts["month"] or "", parts.get("year")
    digits = re.match(r"\d+", written)
    words = written.replace(" ", "-")
    day = int(digits[0]) if digits else (_ORDINALS.get(words) or _NUMBERS[words])
    month = int(month_name) if month_name.isdigit() else _MONTHS[month_name]
    if year_words is None:
        return next_day(month, day, today)
    ones = re.split(r"[- ]", year_words)[2:]
    year = int(year_words) if year_words.isdigit() else 2020 + (_NUMBERS[ones[0]] if ones else 0)
    try:
        exact = date(year, month, day)
    except ValueError:
        return None
    return exact if exact >= today else None


def _consent(text: str) -> bool | None:
    """True or False only if the answer is one of them; None when it is neither, or both at once."""
    plain = _NOT_A_NO.sub("yes", text)
    yes, no = bool(_YES.search(plain)), bool(_NO.search(plain))
    return yes if yes != no else None


def _name(text: str, *, asked: bool) -> str | None:
    for cue in _STRONG_CUE.finditer(text):
        if name := _name_at(text[cue.end() :], capitals=False):
            return name
    for cue in _WEAK_CUE.finditer(text):
        if (name := _name_at(text[cue.end() :], capitals=True)) and " " in name:
            return name
    bare = re.sub(r"^(?:yes|yeah|sure|of course|okay|ok|hello|hi)[,.]? ", "", text, flags=re.IGNORECASE).rstrip(".! ")
    name = _name_at(bare, capitals=True) if asked else None
    return name if name is not None and len(name.split()) == len(_TITLE.sub("", bare).split()) else None


def _name_at(text: str, *, capitals: bool) -> str | None:
    """The name with which the text begins: at most four words, to the first that cannot be part of one."""
    words: list[str] = []
    for raw in _TITLE.sub("", text).split()[:4]:
        word = raw.rstrip(".,;:!?")
        low = word.lower()
        # Heard in small letters throughout, a name ends after its second word: nothing else would say so.
        lower_case = not word[:1].isupper() and low not in _PARTICLES
        if not _NAME_WORD.match(word) or low in _NO_NAMES or (lower_case and (capitals or len(words) >= 2)):
            break
        if lower_case and words and words[0][0].isupper() and words[-1].lower() not in _PARTICLES:
            break
        words.append(word)
        if raw != word:
            break
    while words and words[-1].lower() in _PARTICLES:
        words.pop()
    return " ".join(w if w[0].isupper() or w in _PARTICLES else w.title() for w in words) or None
