"""Names of guests: those that are known, those that somebody introduces, and those that are spelled."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

NAME: Final = "[name]"

_TITLES: Final = (
    r"(?:mr|mrs|ms|miss|mister|dr|doctor|prof|professor|herr|frau|monsieur|madame|signora?|señora?|mevrouw)"
)
_INTRODUCTION: Final = re.compile(
    rf"""(?<!\w)(?:
        (?:my|the|his|her|our|guest(?:'s)?|first|last|family|full|sur|second)\s?name(?:'s|\s+is|\s+was|:)
      | (?:in|on|under|by)\s+the\s+(?:last\s+|family\s+)?name\s+(?:of\s+)?
      | name\s+of
      | i(?:'m|\s+am)\s+(?:called|named)
      | mein\s+name\s+ist | ich\s+hei(?:ß|ss)e | auf\s+den\s+namen | (?:unter|auf)\s+dem\s+namen | mein\s+nachname\s+ist
      | je\s+m['’]appelle | mon\s+nom\s+est | au\s+nom\s+de
      | mi\s+chiamo | il\s+mio\s+nome\s+(?:è|e) | a\s+nome(?:\s+di)?
      | me\s+llamo | mi\s+nombre\s+es | a\s+nombre\s+de
      | mijn\s+naam\s+is | ik\s+heet | op\s+naam\s+van
    )[\s,]+ | (?<!\w){_TITLES}\.?\s+ """,
    re.IGNORECASE | re.VERBOSE,
)
_SPEAKING: Final = re.compile(
    r"(?<!\w)(this\s+is|here\s+is|hier\s+(?:ist|spricht))\s+((?:[^\W\d_]+\s+){1,3}?)"
    r"(?=(?:speaking|calling|here|from|am\s+apparat)\b)",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"\s*([^\W\d_]+(?:['’-][^\W\d_]+)*)")
_PARTICLE_WORDS: Final = "von van vom zu zur de der den del della di da du la le al el bin ibn ter ten und y"
_PARTICLES: Final = frozenset(_PARTICLE_WORDS.split())
_ORDINARY_WORDS: Final = """
    a an and are as at be been but by can could dot for from had has have he hello her hi his i if in is it its just
    like may me my need no not of on or our please she so spelled spelt still sure thank thanks that the their then
    there they this to until want was we well what when which who will with would yes you your called name number
    aber also auf bitte danke das dem den der die ein eine für hallo hier ich im ist ja mein meine mit möchte nein
    nicht noch und vom von wie wir zum zur
    avec est et je merci ne non oui pas pour s'il un une
    con e grazie per sì una gracias para por sí y
    dank een en graag het ik met voor
"""
_ORDINARY: Final = frozenset(_ORDINARY_WORDS.split())
"""Words with which a sentence goes on after a name."""
_SPELLED: Final = re.compile(r"(?<![\w'’])(?:[^\W\d_][\s.,-]{1,2}){3,}[^\W\d_](?!\w)")
_UMLAUTS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_LONGEST_NAME: Final = 5


def without_names(text: str, names: Iterable[str]) -> str:
    """The text with [name] for these names, whole or in parts of three letters and more, in any case."""
    known = {form for name in names for form in _forms(name)}
    if not known:
        return text
    words = "|".join(re.escape(form) for form in sorted(known, key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{words})(?:\s+(?:{words}))*(?!\w)", NAME, text, flags=re.IGNORECASE)


def _forms(name: str) -> set[str]:
    whole = " ".join(name.lower().split())
    parts = {part for part in re.split(r"[\s-]", whole) if len(part) >= 3 and part not in _PARTICLES}
    forms = {whole, *parts} if whole else set()
    plain = {unicodedata.normalize("NFKD", form).encode("ascii", "ignore").decode() for form in forms}
    return {form for form in forms | plain | {form.translate(_UMLAUTS) for form in forms} if form}


def without_introductions(text: str) -> str:
    """The text with [name] after "my name is", "under the name of", a title and the like, in six languages."""
    pieces, done = [], 0
    for found in _INTRODUCTION.finditer(text):
        end = _end_of_name(text, found.end())
        if end > found.end() >= done:
            pieces += [text[done : found.end()], NAME]
            done = end
    text = "".join((*pieces, text[done:]))
    return _SPEAKING.sub(lambda found: f"{found[1]} {NAME} " if _is_name(found[2]) else found[0], text)


def _end_of_name(text: str, start: int) -> int:
    """Where the name ends that begins here; `start` when what follows is no name."""
    end, words, capitalised = start, 0, False
    for _ in range(_LONGEST_NAME):
        found = _WORD.match(text, end)
        if not found:
            break
        word, end_of_word = found[1], found.end()
        if word.lower() in _PARTICLES and _goes_on(text, end_of_word):
            end = end_of_word
            continue
        # A recogniser that writes capitals writes them for every name; without them two words are taken.
        if word.lower() in _ORDINARY or (words and (not word[0].isupper() if capitalised else words == 2)):
            break
        end, words, capitalised = end_of_word, words + 1, capitalised or word[0].isupper()
    return end if words else start


def _goes_on(text: str, end: int) -> bool:
    following = _WORD.match(text, end)
    return bool(following and following[1].lower() not in _ORDINARY - _PARTICLES)


def _is_name(words: str) -> bool:
    first = words.split()[0]
    return first[0].isupper() or first.lower() not in _ORDINARY


def without_spelling(text: str) -> str:
    """The text with [name] for four letters and more that are spelled one by one."""
    return _SPELLED.sub(NAME, text)
