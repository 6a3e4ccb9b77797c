"""The language detectors that exist, by the name the setting LANGUAGE_DETECTOR uses."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from lambdas.shared.speech.detector import Detector, DetectorMissing, DetectorName, Guess

ENOUGH: Final = 1_000
"""Characters after which no text becomes clearer."""
CONFIRMS: Final = 0.7
"""How far Both trusts Cld3, which is now and then sure of a wrong language."""


class Cld3:
    """Google's Compact Language Detector 3, a small neural network over letter groups.

    It cannot be restricted to a list of languages, so what it finds outside of the list counts as nothing found.
    """

    name: DetectorName = "cld3"

    def __init__(self, languages: Sequence[str]) -> None:
        try:
            import cld3
        except ImportError as error:
            raise DetectorMissing(
                f"the detector cld3 needs the package pycld3 and Debian's libprotobuf ({error}): install "
                "protobuf-compiler, libprotobuf-dev and g++ and run `make ready`, or set LANGUAGE_DETECTOR=classifier"
            ) from None
        self._languages = frozenset(languages)
        self._detect = cld3.get_language

    def guess(self, text: str) -> Guess | None:
        """See Detector."""
        found = self._detect(judged) if (judged := _judged_of(text)) else None
        if found is None or found.language not in self._languages:
            return None
        return Guess(found.language, min(1.0, found.probability))


class Classifier:
    """A naive Bayes classifier over byte groups, restricted to the languages before it judges."""

    name: DetectorName = "classifier"

    def __init__(self, languages: Sequence[str]) -> None:
        # A copy is restricted; the 80 MB behind it are shared.
        self._identifier = copy.copy(_load_py3langid())
        self._identifier.set_languages(list(languages))

    def guess(self, text: str) -> Guess | None:
        """See Detector."""
        if not (judged := _judged_of(text)):
            return None
        language, probability = self._identifier.classify(judged)
        return Guess(str(language), min(1.0, float(probability)))


class Both:
    """The classifier names the language; where Cld3 finds the same it is surer, and where another, less sure."""

    name: DetectorName = "both"

    def __init__(self, languages: Sequence[str]) -> None:
        self._cld3, self._classifier = Cld3(languages), Classifier(languages)

    def guess(self, text: str) -> Guess | None:
        """See Detector."""
        named, other = self._classifier.guess(text), self._cld3.guess(text)
        if named is None or other is None:
            return named
        doubt = 1 - min(other.probability, CONFIRMS)
        agreed = other.language == named.language
        return Guess(named.language, 1 - (1 - named.probability) * doubt if agreed else named.probability * doubt)


@cache
def _load_py3langid() -> Any:
    """Its identifier of all languages, read once a process; raises DetectorMissing."""
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError as error:
        raise DetectorMissing(
            f"the detector classifier needs the package py3langid ({error}): run `make ready`"
        ) from None
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def _judged_of(text: str) -> str:
    """What is judged of a text, as UTF-8 can hold it; nothing when there is no letter in it."""
    beginning = text[:ENOUGH]
    return beginning.encode("utf-8", "replace").decode() if any(map(str.isalpha, beginning)) else ""


DETECTORS: Final[Mapping[DetectorName, Callable[[Sequence[str]], Detector]]] = {
    "both": Both,
    "cld3": Cld3,
    "classifier": Classifier,
}
