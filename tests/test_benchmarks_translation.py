"""The translation benchmark measures what it says, on made-up pairs."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
import torch

from benchmarks import translation
from benchmarks.translation import Recipe, Translated

WORDS = {"red": "rouge", "blue": "bleu", "cold": "froid", "warm": "chaud", "new": "neuf"}
PAIRS = [(f"{a} and {b}.", f"{WORDS[a]} et {WORDS[b]} !") for a, b in product(WORDS, repeat=2)]
SMALL = Recipe(d_embed=12, d_hidden=16, batch=16, steps=250, learning_rate=2e-2, warmup=5, dropout=0.0)


@pytest.fixture(scope="module")
def data():
    return translation.book_data(PAIRS)


def test_without_the_corpus_the_section_is_skipped_and_says_why(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("COURSE_CORPORA", str(tmp_path))
    section = translation.measure()
    assert translation.CORPUS in section.skipped
    assert section.as_json().keys() == {"title", "skipped"}
    monkeypatch.delenv("COURSE_CORPORA")
    assert "COURSE_CORPORA" in translation.measure().skipped


def test_pairs_are_read_without_their_attribution(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / translation.CORPUS
    path.parent.mkdir()
    path.write_text("Go.\tVa !\tCC-BY\nHi.\tSalut.\tCC-BY\n", encoding="utf-8")
    monkeypatch.setenv("COURSE_CORPORA", str(tmp_path))
    assert translation.read_pairs() == ([("Go.", "Va !"), ("Hi.", "Salut.")], "")


def test_no_english_sentence_is_on_both_sides_of_the_split() -> None:
    pairs = [(f"sentence {i // 3}", f"phrase {i}") for i in range(90)]
    train, held_out = translation.split(pairs)
    assert sorted(train + held_out) == sorted(pairs)
    assert not {english for english, _ in train} & {english for english, _ in held_out}
    assert len(held_out) == translation.HELD_OUT * len(pairs)
    assert translation.split(pairs) == (train, held_out)


def test_what_comes_after_the_end_does_not_count(data) -> None:
    vocab = data.tgt_vocab
    said = [vocab[token] for token in ("rouge", "et", "<eos>", "bleu", "<eos>")]
    assert translation._words(said, vocab) == ["rouge", "et"]
    assert translation._words(said[:2], vocab) == ["rouge", "et"]


def test_bleu_compares_with_all_words_of_the_reference(data) -> None:
    def perfect(source, lengths, target):
        return target[:, 1:].tolist()

    assert translation.bleu(data, PAIRS, perfect) == pytest.approx(1.0)
    unknown = [("red and blue.", "rouge et bleu ! marine")]
    assert 0 < translation.bleu(data, unknown * 2, perfect) < 1


def test_both_models_get_the_same_arrays_and_learn(data) -> None:
    assert [array.shape for array in data.arrays] == [(len(PAIRS), translation.NUM_STEPS)] * 2 + [
        (len(PAIRS),), (len(PAIRS), translation.NUM_STEPS)
    ]
    ours = translation.train_ours(data, PAIRS[:8], seed=0, budget=600, recipe=SMALL)
    assert ours.train > 0.8
    theirs = translation.train_theirs(data, PAIRS[:8], seed=0, epochs=10)
    assert theirs.train > 0.2


def test_padding_has_no_part_in_either_loss(data) -> None:
    model = translation.book_model(data)
    model.eval()
    labels = data.arrays[3]
    logits = torch.randn(*labels.shape, len(data.tgt_vocab))
    noisy = logits.clone()
    noisy[labels == data.tgt_vocab["<pad>"]] += torch.randn(len(data.tgt_vocab))
    assert torch.allclose(model.loss(logits, labels), model.loss(noisy, labels))


def test_the_bars_ask_for_more_in_no_more_time_with_every_seed() -> None:
    theirs, ours = Translated(10.0, 0.5, 0.1, 9), Translated(9.0, 0.5, 0.2, 5)
    assert [bar.holds for bar in translation._section([(theirs, ours)] * 2, 30).bars] == [True, True]
    worse = Translated(11.0, 0.5, 0.1, 5)
    assert [bar.holds for bar in translation._section([(theirs, ours), (theirs, worse)], 30).bars] == [False, False]
