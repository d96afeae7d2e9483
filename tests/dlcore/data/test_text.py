"""Text that needs no download: real words in two languages, and its numbers."""

from __future__ import annotations

import datetime

import numpy as np
import pytest

from dlcore.data import text

RNG = lambda: np.random.default_rng(0)


def test_numbers_in_words():
    pairs = text.number_words(200, RNG())
    assert len(set(pairs)) == 200 and pairs == text.number_words(200, RNG())
    everything = dict(text.number_words(100, RNG(), below=100))
    assert everything["twenty-one"] == "veintiuno" and len(everything) == 100
    assert len(text.number_words(5, RNG(), below=2)) == 5
    assert text.number_words(1, RNG(), ("de", "fr"), below=1) == [("null", "zéro")]


def test_dates_mean_the_same_in_both_forms():
    pairs = text.date_pairs(300, RNG())
    for shown, iso in pairs:
        date = datetime.date.fromisoformat(iso)
        assert str(date.year) in shown and str(date.day) in shown
    assert len({len(shown) for shown, _ in pairs}) > 5
    assert "de" in text.date_pairs(1, RNG(), target="es")[0][1]


def test_countries_names_and_prose():
    assert ("Germany", "Alemania") in text.country_pairs()
    assert len(text.country_pairs()) > 240
    assert "spain" in text.names() and "españa" in text.names("es") and len(text.names()) > 500
    for found in (
        text.country_pairs(),
        text.names("es"),
        text.Vocabulary.of(["hola", "no"]).tokens[3:],
    ):
        assert found == sorted(found)  # a set's order would change from run to run
    prose = text.prose()
    assert 10_000 < len(prose) < 60_000 and "sepal length" in prose


def test_vocabulary_goes_there_and_back():
    v = text.Vocabulary.of(["hola", "adiós"])
    ids = v.encode("hola")
    assert ids[0] == v.START and ids[-1] == v.END and v.decode([*ids, 5, 6]) == "hola"
    assert len(v) == 3 + len(set("holaadiós"))
    with pytest.raises(KeyError, match="no 'x'"):
        v.encode("x")
    table, lengths = text.pad_sequences([v.encode("hola"), v.encode("a"), []])
    assert table.shape == (3, 6) and lengths.tolist() == [6, 3, 0]
    assert v.decode(table[1]) == "a" and not table[2].any()
