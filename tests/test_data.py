"""The data sets: reproducible, small, and held-out text that training never showed."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest

from autograder import data
from autograder.errors import DataMissing

SETS = {"stories": "train.txt", "reviews": "train.tsv", "apple": "train.txt"}


@pytest.mark.parametrize("name", SETS)
def test_the_generator_writes_the_committed_file_again(name: str, tmp_path: Path) -> None:
    folder = data.data_folder() / name
    copy = tmp_path / name
    copy.mkdir()
    for source in [*folder.glob("*.py"), *folder.glob("grammar.txt")]:
        shutil.copy(source, copy)
    spec = importlib.util.spec_from_file_location(f"copy_of_{name}", copy / "prepare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    module.main()
    assert (copy / SETS[name]).read_bytes() == (folder / SETS[name]).read_bytes()


@pytest.mark.parametrize("name", SETS)
def test_no_file_is_larger_than_a_megabyte(name: str) -> None:
    assert (data.data_folder() / name / SETS[name]).stat().st_size <= 2**20


@pytest.mark.parametrize("name", SETS)
def test_a_seed_names_one_sample(name: str) -> None:
    first = data.held_out(name, 5, 30)
    data.held_out.cache_clear()
    assert data.held_out(name, 5, 30) == first
    assert data.held_out(name, 6, 30) != first
    assert len(first) == 30


def test_no_held_out_story_review_or_sentence_is_in_the_training_text() -> None:
    assert not any(story in data.stories() for story in data.held_out("stories", 1, 100))
    assert not {r.text for r in data.reviews()} & {r.text for r in data.held_out("reviews", 1, 500)}
    assert not {s.words for s in data.apple()} & {s.words for s in data.held_out("apple", 1, 500)}


def test_the_vocabularies_know_every_held_out_token() -> None:
    characters = data.story_vocabulary()
    for story in data.held_out("stories", 2, 200):
        assert characters.decode(characters.encode(story)) == list(story)
    words = data.review_vocabulary()
    assert all(data.UNK not in words.encode(review.words) for review in data.held_out("reviews", 2, 800))
    words = data.apple_vocabulary()
    assert all(data.UNK not in words.encode(sentence.words) for sentence in data.held_out("apple", 2, 800))


def test_specials_come_first_and_unknown_words_are_unk() -> None:
    vocabulary = data.word_vocabulary([["b", "a", "b"], ["a", "c"]])
    assert vocabulary.tokens == (*data.SPECIALS, "a", "b", "c")
    assert vocabulary.encode(["c", "never"]) == [6, data.UNK]


def test_only_ambiguous_words_have_a_sense_and_some_sentences_hold_both() -> None:
    senses = []
    for sentence in data.apple():
        found = [tag for word, tag in zip(sentence.words, sentence.tags, strict=True) if tag != "OTHER"]
        assert all((tag != "OTHER") == (word in data.AMBIGUOUS)
                   for word, tag in zip(sentence.words, sentence.tags, strict=True))
        senses.append(set(found))
    assert {"NATURE", "COMPANY"} in senses


def test_what_decides_stands_before_the_word() -> None:
    """The same beginning never goes with two senses."""
    sense_after: dict[tuple[str, ...], str] = {}
    for sentence in data.apple():
        for position, tag in enumerate(sentence.tags):
            if tag != "OTHER":
                assert sense_after.setdefault(sentence.words[: position + 1], tag) == tag


def test_both_verdicts_are_about_as_frequent() -> None:
    good = sum(review.label for review in data.reviews()) / len(data.reviews())
    assert 0.47 < good < 0.53


def test_a_missing_folder_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataMissing, match=r"nowhere.*COURSE_DATA"):
        data.data_folder()


def test_a_missing_file_says_what_writes_it_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutil.copytree(data.data_folder(), tmp_path / "data", ignore=shutil.ignore_patterns("train.*", "__pycache__"))
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    data.reviews.cache_clear()
    try:
        with pytest.raises(DataMissing, match=r"python data/reviews/prepare\.py"):
            data.reviews()
    finally:
        data.reviews.cache_clear()
