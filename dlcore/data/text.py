"""Text that needs no download: numbers and dates in two languages, prose, and names.

Numbers are written out by num2words, dates and names of countries come from Babel (Unicode's
CLDR), the prose from scikit-learn's descriptions of its data sets.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import numpy as np

from dlcore.data.bundled import bundled
from dlcore.errors import extra

Pairs = list[tuple[str, str]]


def number_words(
    n: int, rng: np.random.Generator, languages: tuple[str, str] = ("en", "es"), below: int = 10_000
) -> Pairs:
    """``n`` numbers under ``below``, written out in two languages; none twice while there are others.

    >>> number_words(1, np.random.default_rng(0), below=2) in ([("one", "uno")], [("zero", "cero")])
    True
    """
    with extra("course"):
        from num2words import num2words

    numbers = rng.choice(below, size=n, replace=n > below)
    return [tuple(num2words(int(k), lang=lang) for lang in languages) for k in numbers]  # type: ignore[misc]


def date_pairs(
    n: int,
    rng: np.random.Generator,
    source: str = "en",
    target: str = "iso",
    years: range = range(1900, 2100),
) -> Pairs:
    """``n`` dates, in one of several human styles of ``source`` and as ``target``.

    ``target`` is "iso" (2026-11-21) or a language, written in full. Locales are Babel's.
    """
    with extra("course"):
        from babel.dates import format_date

    first = datetime.date(years.start, 1, 1).toordinal()
    last = datetime.date(years.stop - 1, 12, 31).toordinal()
    # not the short style: it drops the century
    styles: tuple[Any, ...] = ("medium", "long", "full", "d MMMM y", "d/M/y", "MMM d, y")
    pairs = []
    for day in rng.integers(first, last + 1, n):
        date = datetime.date.fromordinal(int(day))
        style = styles[int(rng.integers(len(styles)))]
        shown = format_date(date, style, locale=source).replace("\\u202f", " ")
        wanted = date.isoformat() if target == "iso" else format_date(date, "full", locale=target)
        pairs.append((shown, wanted))
    return pairs


def country_pairs(languages: tuple[str, str] = ("en", "es")) -> Pairs:
    """Every country's name in two languages, in alphabetical order of the first."""
    with extra("course"):
        from babel import Locale

    one, two = (Locale(lang).territories for lang in languages)
    codes = (c for c in map(str, one) if len(c) == 2 and c.isalpha() and c in two)
    return sorted((one[code], two[code]) for code in codes)


def names(language: str = "en") -> list[str]:
    """Names of countries, languages and scripts, in lower case: words to learn spelling from."""
    with extra("course"):
        from babel import Locale

    locale = Locale(language)
    found = [*locale.territories.values(), *locale.languages.values(), *locale.scripts.values()]
    plain = {name.lower() for name in found if name.replace(" ", "").isalpha()}
    return sorted(plain)


def prose() -> str:
    """About 15,000 characters of English: how scikit-learn describes its data sets."""
    names = ("iris", "wine_data", "breast_cancer", "digits", "diabetes", "linnerud")
    paths = [bundled("sklearn", f"datasets/descr/{name}.rst") for name in names]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


class Vocabulary:
    """Which number stands for which token.  Shapes: text of T tokens -> T integers.

    ``tokens`` are given in the order of their numbers; 0, 1, 2 are padding, start and end.

    >>> v = Vocabulary.of(["no", "on"])
    >>> v.encode("no"), v.decode(v.encode("no"))
    ([1, 3, 4, 2], 'no')
    """

    PAD, START, END = 0, 1, 2

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens = ["<pad>", "<start>", "<end>", *tokens]
        self.numbers = {token: i for i, token in enumerate(self.tokens)}

    @classmethod
    def of(cls, texts: Sequence[str]) -> Vocabulary:
        """All characters that occur."""
        return cls(sorted(set("".join(texts))))

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, text: Sequence[str]) -> list[int]:
        """Numbers of the tokens between start and end.  Raises KeyError that names an unknown one."""
        try:
            return [self.START, *(self.numbers[token] for token in text), self.END]
        except KeyError as error:
            raise KeyError(f"the vocabulary has no {error.args[0]!r}") from None

    def decode(self, numbers: Sequence[int]) -> str:
        """The text up to the end token, without padding and start."""
        kept = []
        for k in numbers:
            if k == self.END:
                break
            if k not in (self.PAD, self.START):
                kept.append(self.tokens[int(k)])
        return "".join(kept)


def pad_sequences(
    sequences: Sequence[Sequence[int]], value: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Sequences of different lengths as one table, and their lengths.  Shapes: N lists -> (N, T), (N,)."""
    lengths = np.array([len(s) for s in sequences])
    table = np.full((len(sequences), int(lengths.max(initial=0))), value)
    for row, s in zip(table, sequences, strict=True):
        row[: len(s)] = s
    return table, lengths
