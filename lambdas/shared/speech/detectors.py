"""The language detectors that exist, by the name the setting LANGUAGE_DETECTOR uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from lambdas.shared.speech.language import Detector, DetectorMissing, DetectorName, Guess


class Cld3:
    """Google's Compact Language Detector 3, a small neural network over letter groups.

    It cannot be restricted to a list of languages, so what it finds outside of the list counts as nothing found.
    """

    name: Final = "cld3"

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
        found = self._detect(text)
        if found is None or found.language not in self._languages:
            return None
        return Guess(found.language, found.probability)


class Classifier:
    """A naive Bayes classifier over byte groups, restricted to the languages before it judges."""

    name: Final = "classifier"

    def __init__(self, languages: Sequence[str]) -> None:
        try:
            from py3langid.langid import MODEL_FILE, LanguageIdentifier
        except ImportError as error:
            raise DetectorMissing(
                f"the detector classifier needs the package py3langid ({error}): run `make ready`"
            ) from None
        self._identifier = LanguageIdentifier.from_pickled_model(MODEL_FILE, norm_probs=True)
        self._identifier.set_languages(list(languages))

    def guess(self, text: str) -> Guess | None:
        """See Detector."""
        if not any(letter.isalpha() for letter in text):
            return None
        language, probability = self._identifier.classify(text)
        return Guess(str(language), float(probability))


class Both:
    """Cld3 where it finds one of the languages and the classifier agrees, otherwise whoever is surer."""

    name: Final = "both"

    def __init__(self, languages: Sequence[str]) -> None:
        self._cld3, self._classifier = Cld3(languages), Classifier(languages)

    def guess(self, text: str) -> Guess | None:
        """See Detector."""
        first, second = self._cld3.guess(text), self._classifier.guess(text)
        if first is None or second is None:
            return first or second
        if first.language == second.language:
            return Guess(first.language, 1 - (1 - first.probability) * (1 - second.probability))
        return max(first, second, key=lambda guess: guess.probability)


DETECTORS: Final[Mapping[DetectorName, Callable[[Sequence[str]], Detector]]] = {
    "both": Both,
    "cld3": Cld3,
    "classifier": Classifier,
}
