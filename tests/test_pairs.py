"""Translation pairs and opposites: what the files hold, whether the links are true, and what is kept out."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import sacrebleu

from autograder import data, pairs
from autograder.data import SPECIALS, UNK
from autograder.errors import DataMissing
from autograder.pairs import Language, SentencePair

LANGUAGES: tuple[Language, ...] = ("fra", "cmn")
VOWELS = "aeiouhâàéèêëîïôûœ"
# English words that need no counterpart, or a loose one.
LOOSE = {"the", "a", "an", "do", "does", "did", "am", "is", "are", "was", "were", "will", "to", "it", ",", "that", "in",
         "who", "whom", "every", "on", "at", "and", "has", "have"}


@cache
def translation_module() -> ModuleType:
    return data._generator("translation")


@cache
def lexicon() -> Any:
    return translation_module()._grammar("words").lexicon()


def copy_of(name: str, tmp_path: Path) -> ModuleType:
    """The generator of a set, alone in another folder."""
    shutil.copytree(data.data_folder() / name, tmp_path / name, ignore=shutil.ignore_patterns("*.tsv", "__pycache__"))
    spec = importlib.util.spec_from_file_location(f"copy_of_{name}", tmp_path / name / "prepare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize(("name", "files"), [("translation", ("train.fra.tsv", "train.cmn.tsv")),
                                             ("opposites", ("pairs.tsv",))])
def test_the_generator_writes_the_committed_files_again(name: str, files: tuple[str, ...], tmp_path: Path) -> None:
    copy_of(name, tmp_path).main()
    for file in files:
        assert (tmp_path / name / file).read_bytes() == (data.data_folder() / name / file).read_bytes()


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_many_pairs_of_all_lengths_in_a_small_file(language: Language) -> None:
    found = pairs.translation(language)
    lengths = Counter(len(pair.source) for pair in found)
    assert len(found) >= 20_000
    assert set(lengths) == set(range(3, 41))
    assert sum(lengths[n] for n in range(3, 9)) > 0.2 * len(found)
    assert sum(lengths[n] for n in range(26, 41)) > 0.08 * len(found)
    assert len({pair.source for pair in found}) == len(found)
    assert (data.data_folder() / "translation" / f"train.{language}.tsv").stat().st_size < 4_100_000


def test_both_languages_say_the_same() -> None:
    french, chinese = (pairs.translation(language) for language in LANGUAGES)
    assert [pair.source for pair in french] == [pair.source for pair in chinese]
    assert [p.source for p in pairs.held_out_translation("fra", 3, 50)] == [
        p.source for p in pairs.held_out_translation("cmn", 3, 50)
    ]


def test_the_vocabularies_are_small_and_begin_with_the_specials() -> None:
    for language in LANGUAGES:
        for vocabulary in (pairs.source_vocabulary(language), pairs.target_vocabulary(language)):
            assert vocabulary.tokens[:4] == SPECIALS
            assert 400 <= len(vocabulary) <= 1000


def drawn(held_out: bool, min_words: int, max_words: int, draws: int) -> Iterator[tuple[Any, list[Any]]]:
    """What so many draws give, the same sentence perhaps more than once."""
    for found in islice(translation_module().draws(11, held_out, min_words, max_words), draws):
        if found is not None:
            yield found


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_has_two_translations(language: Language) -> None:
    """What decides a translation stands in the sentence: drawing the same words twice gives the same pair."""
    module, seen, again = translation_module(), {}, 0
    for meaning, source in drawn(False, 3, 9, 40_000):
        text = tuple(word.text for word in source)
        target = tuple(word.text for word in module.SAY[language](meaning))
        again += text in seen
        assert seen.setdefault(text, target) == target, text
    assert again > 500


# links


@pytest.mark.parametrize("language", LANGUAGES)
def test_links_are_in_range_and_sure_ones_are_possible(language: Language) -> None:
    for pair in pairs.translation(language):
        assert set(pair.sure) <= set(pair.possible)
        assert list(pair.sure) == sorted(set(pair.sure))
        assert all(0 <= i < len(pair.source) and 0 <= j < len(pair.target) for i, j in pair.possible)


@pytest.mark.parametrize(("language", "loose"), [
    ("fra", {"le", "la", "les", "l'", "de", "d'", "est-ce", "que", "qu'", ",", "il", "a", "ont", "ai", "avons", "est",
             "sont", "suis", "sommes"}),
    ("cmn", {"的", "了", "把", "过", "在", "正在", "正", "很", "一", "名", "吗", "个", "每", "，", "会"}),
])  # fmt: skip
def test_every_word_with_a_meaning_is_surely_linked(language: Language, loose: set[str]) -> None:
    for pair in pairs.translation(language):
        sources, targets = {i for i, _ in pair.sure}, {j for _, j in pair.sure}
        assert not [w for i, w in enumerate(pair.source) if i not in sources and w not in LOOSE], pair
        assert not [w for j, w in enumerate(pair.target) if j not in targets and w not in loose], pair


def meanings_of(language: Language) -> dict[str, set[str]]:
    """English noun, adjective or number -> every word that the lexicon gives for it."""
    found: dict[str, set[str]] = defaultdict(set)
    for section in lexicon().nouns.values():
        for noun in section:
            for plural, form in enumerate(noun.english):
                chinese = {noun.chinese, noun.measure, "们"}
                found[form] |= chinese if language == "cmn" else set(str(noun.french[plural]).split())
    for adjective in lexicon().adjectives:
        french = {*adjective.masculine, *adjective.feminine, adjective.before_vowel}
        found[adjective.english] |= {adjective.attributive[0], adjective.predicative} if language == "cmn" else french
    for english, french, chinese in lexicon().phrases["numbers"]:
        found[str(english)] |= {str(chinese) if language == "cmn" else str(french)}
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_sure_links_join_translations(language: Language) -> None:
    lexical, checked = meanings_of(language), 0
    skip = {"two", "three", "date", "clean", "open", "match", "plant", "file", "can", "play", "saw", "like", "light"}
    for pair in pairs.translation(language):
        for i, j in pair.sure:
            word = pair.source[i]
            if word in lexical and word not in skip:
                assert pair.target[j] in lexical[word], (word, pair.target[j])
                checked += 1
    assert checked > 40_000


def test_one_word_can_be_several_and_several_can_be_one() -> None:
    def linked(language: Language, source: str) -> set[tuple[str, ...]]:
        found = set()
        for pair in pairs.translation(language):
            for i, word in enumerate(pair.source):
                if word == source:
                    found.add(tuple(pair.target[j] for a, j in pair.sure if a == i))
        return found

    assert ("pomme", "de", "terre") in linked("fra", "potato")
    assert {("n'", "pas"), ("ne", "pas")} <= linked("fra", "not")
    assert ("把", "椅子") in linked("cmn", "chairs")
    assert ("在", "里") in linked("cmn", "in")
    looks = next(p for p in pairs.translation("fra") if "looking for" in " ".join(p.source))
    at = looks.source.index("looking")
    assert {j for i, j in looks.sure if i == at} == {j for i, j in looks.sure if i == at + 1}


# languages


def test_french_elides_and_contracts() -> None:
    for pair in pairs.translation("fra"):
        for word, following in zip(pair.target, pair.target[1:], strict=False):
            if following[0] in VOWELS:
                assert word not in ("le", "la", "de", "je", "ne", "que", "ma", "sa", "ce"), pair.target
            else:
                assert not word.endswith("'") or (word, following[:2]) == ("s'", "il"), pair.target
            assert (word, following) not in {("de", "le"), ("de", "les"), ("à", "le"), ("à", "les"), ("si", "il")}


def nouns(pair: SentencePair) -> Iterator[tuple[int, list[int], Any, bool]]:
    """Every noun of a French pair: English position, French positions, the noun, whether plural."""
    for i, word in enumerate(pair.source):
        found = sorted(j for a, j in pair.sure if a == i)
        for noun in by_form().get(word, ()):
            plural = word == noun.english[1]
            if " ".join(pair.target[j] for j in found) == str(noun.french[plural]):
                yield i, found, noun, plural
                break


@cache
def by_form() -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for section in lexicon().nouns.values():
        for noun in section:
            for form in set(noun.english):
                found[form].append(noun)
    return found


def right_forms(english: str, noun: Any, plural: bool, before: bool) -> set[str]:
    """Forms of the adjective that agree with the noun; some have a form of their own before a vowel."""
    found = [a for a in lexicon().adjectives if a.english == english and a.before_noun == before]
    if noun.gender == "m" and not plural and before and str(noun.french[0])[0] in VOWELS:
        return {a.before_vowel for a in found}
    return {(a.feminine if noun.gender == "f" else a.masculine)[plural] for a in found}


def test_french_articles_and_adjectives_agree_with_their_noun() -> None:
    masculine = {"le", "un", "ce", "cet", "du", "au"}
    feminine = {"la", "une", "cette", "ma", "sa"}
    plural_ones = {"les", "ces", "mes", "ses", "nos", "leurs", "des", "aux", "quelques", "deux", "trois", "quatre"}
    adjectives = {a.english for a in lexicon().adjectives}
    checked = Counter()
    for pair in pairs.translation("fra"):
        for i, (first, *_, last), noun, plural in ((a, [*b, b[-1]], c, d) for a, b, c, d in nouns(pair)):
            near = [first - 1, last + 1]
            english = pair.source[i - 1] if i else ""
            places = [j for a, j in pair.sure if a == i - 1]
            if english in adjectives and (english != "clean" or pair.target[places[0]].startswith("propre")):
                (place,) = places
                assert place in near, (pair, noun, english)
                assert pair.target[place] in right_forms(english, noun, plural, place < first), pair
                checked["adjective"] += 1
                first = min(first, place)
            before = pair.target[first - 1] if first else ""
            if before in masculine | feminine | plural_ones:
                right = plural_ones if plural else masculine if noun.gender == "m" else feminine
                assert before in right, (before, pair)
                checked["article"] += 1
    assert checked["adjective"] > 3000
    assert checked["article"] > 20_000


def test_french_participles_agree_with_the_object_before_them() -> None:
    found = Counter()
    for pair in pairs.translation("fra"):
        text = " ".join(pair.target)
        for clitic, participle in re.findall(r" (les?|la|l') (?:a|ont|ai|avons)(?: pas| jamais| déjà)? (\S+)", text):
            if clitic == "les":
                assert participle.endswith("s"), text
            found[clitic, participle[-1]] += 1
        for participle in re.findall(r"\belle (?:est|n' est pas|n' est jamais) ((?:all|arriv|retourn)\S+)", text):
            assert participle.endswith("ée"), text
            found["elle est"] += 1
    assert found["l'", "e"] > 100
    assert found["elle est"] > 20


def test_english_verbs_agree_with_pronouns() -> None:
    for pair in pairs.translation("fra"):
        text = " ".join(pair.source)
        assert not re.search(r"\b(he|she|it) (are|were|have|do|want|am)\b", text), text
        assert not re.search(r"\b(they|we|i) (is|has|does|wants)\b", text), text
        assert not re.search(r"\b(they|we) (was|am)\b", text), text
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", text), text


def test_chinese_counts_with_the_measure_word_of_the_noun() -> None:
    checked = 0
    for pair in pairs.translation("cmn"):
        for i, word in enumerate(pair.source):
            linked = sorted(j for a, j in pair.sure if a == i)
            words = [pair.target[j] for j in linked]
            for noun in by_form().get(word, ()):
                if noun.chinese in words and len(words) > 1 and "们" not in words:
                    assert words == [noun.measure, noun.chinese], pair
                    assert pair.target[linked[0] - 1] in {"一", "这", "那", "两", "三", "四", "五", "六", "十"}, pair
                    checked += 1
    assert checked > 5000


def test_in_chinese_time_and_place_come_before_the_verb_and_no_particle_is_doubled() -> None:
    for pair in pairs.translation("cmn"):
        text = " ".join(pair.target)
        assert not re.search(r"了 了|的 的|正在 在|没有 \S+ 了 [，。]|， ，", text), text
        if "yesterday" in pair.source and "found" in pair.source and len(pair.source) < 8:
            assert pair.target.index("昨天") < pair.target.index("找到")


# ambiguous words


def ambiguous_words(language: Language) -> dict[str, set[str]]:
    """English words -> their translations, where the senses differ in that language."""
    found: dict[str, set[str]] = defaultdict(set)
    for noun in lexicon().nouns["ambiguous"]:
        found[noun.english[0]].add(noun.chinese if language == "cmn" else str(noun.french[0]))
    return {word: senses for word, senses in found.items() if len(senses) > 1}


def occurrences(language: Language) -> Iterator[tuple[SentencePair, int, str]]:
    words = ambiguous_words(language)
    for pair in pairs.translation(language):
        for i, word in enumerate(pair.source):
            if word in words:
                target = [pair.target[j] for a, j in pair.sure if a == i]
                sense = target[-1] if language == "cmn" else " ".join(target)
                if sense in words[word]:
                    yield pair, i, sense


@pytest.mark.parametrize("language", LANGUAGES)
def test_ambiguous_words_have_senses_that_their_neighbours_do_not_tell(language: Language) -> None:
    """At least fifteen words; each sense comes often, and the same four neighbours go with either sense."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    windows: dict[str, dict[tuple[str, ...], Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for pair, i, sense in occurrences(language):
        padded = ("", "", *pair.source, "", "")
        counts[pair.source[i]][sense] += 1
        windows[pair.source[i]][padded[i : i + 2] + padded[i + 3 : i + 5]][sense] += 1
    assert len(counts) >= 15
    for word, senses in counts.items():
        assert len(senses) == 2
        assert min(senses.values()) >= 25, word
        both = sum(len(found) == 2 for found in windows[word].values())
        assert both >= 3, word
    total = sum(sum(senses.values()) for senses in counts.values())
    told = sum(max(found.values()) for word in windows for found in windows[word].values() if sum(found.values()) > 1)
    many = sum(sum(found.values()) for word in windows for found in windows[word].values() if sum(found.values()) > 1)
    assert many > 0.3 * total
    assert told < 0.8 * many


def test_who_decides_a_sense_never_stands_next_to_the_word() -> None:
    trades = {form for noun in lexicon().nouns["trades"] for form in noun.english}
    distances = Counter()
    for pair, i, _ in occurrences("fra"):
        places = [j for j, word in enumerate(pair.source) if word in trades]
        assert places, pair
        assert all(abs(i - j) > 2 for j in places), pair
        distances[min(abs(i - j) for j in places)] += 1
    assert sum(n for distance, n in distances.items() if distance > 5) > 0.3 * sum(distances.values())


def test_it_is_il_or_elle_by_a_noun_before() -> None:
    found: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for pair in pairs.translation("fra"):
        for i, word in enumerate(pair.source):
            if word == "it":
                for a, j in pair.sure:
                    if a == i and pair.target[j] in ("il", "elle"):
                        found[pair.source[i - 1 : i + 4]].add(pair.target[j])
    assert sum(len(genders) == 2 for genders in found.values()) > 30


# held out


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_held_out_pair_is_in_the_training_file(language: Language) -> None:
    train = {pair.source for pair in pairs.translation(language)}
    for span in ((3, 8), (3, 40), (26, 40)):
        assert not train & {pair.source for pair in pairs.held_out_translation(language, 5, 1000, *span)}


def test_every_held_out_pair_joins_words_that_training_never_joins() -> None:
    module = translation_module()
    for held_out in (True, False):
        found = list(drawn(held_out, 3, 40, 1000))
        assert len(found) > 100
        assert all(module.drawing.unseen(meaning) == held_out for meaning, _ in found)


def test_every_sense_is_shown_in_training_by_a_trade_of_its_own() -> None:
    joins = translation_module()._grammar("joins")
    for noun in lexicon().nouns["ambiguous"]:
        trades = [trade for trade in lexicon().nouns["trades"] if set(trade.worlds) & set(noun.worlds)]
        shown = [trade for trade in trades if not joins.sense_kept_out(trade, noun)]
        assert len(shown) >= 2, noun


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_vocabularies_know_every_held_out_word(language: Language) -> None:
    source, target = pairs.source_vocabulary(language), pairs.target_vocabulary(language)
    for pair in pairs.held_out_translation(language, 8, 4000):
        assert UNK not in source.encode(pair.source)
        assert UNK not in target.encode(pair.target)


def test_a_seed_names_one_sample_and_lengths_are_kept() -> None:
    first = pairs.held_out_translation("cmn", 5, 40, 9, 15)
    pairs.held_out_translation.cache_clear()
    assert pairs.held_out_translation("cmn", 5, 40, 9, 15) == first
    assert pairs.held_out_translation("cmn", 6, 40, 9, 15) != first
    assert len(first) == len({pair.source for pair in first}) == 40
    assert {len(pair.source) for pair in first} <= set(range(9, 16))
    assert {len(pair.source) for pair in pairs.held_out_translation("fra", 1, 5, 40, 40)} == {40}
    assert {len(pair.source) for pair in pairs.held_out_translation("fra", 1, 5, 4, 4)} == {4}
    assert pairs.held_out_translation("fra", 1, 0) == ()


def test_more_short_sentences_than_there_are_is_an_error_and_no_endless_search() -> None:
    with pytest.raises(ValueError, match="hardly 500"):
        pairs.held_out_translation("fra", 1, 500, 3, 3)


@pytest.mark.parametrize("span", [(2, 8), (9, 8), (3, 41)])
def test_lengths_that_cannot_be_are_refused(span: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="min_words"):
        pairs.held_out_translation("fra", 1, 5, *span)


def test_another_language_is_refused() -> None:
    with pytest.raises(ValueError, match=r"fra.*cmn"):
        pairs.translation("deu")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"fra.*cmn"):
        pairs.held_out_translation("deu", 1, 1)  # type: ignore[arg-type]


def test_a_missing_file_says_what_writes_it_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutil.copytree(data.data_folder(), tmp_path / "data", ignore=shutil.ignore_patterns("*.tsv", "__pycache__"))
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    pairs.translation.cache_clear()
    with pytest.raises(DataMissing, match=r"python data/translation/prepare\.py"):
        pairs.translation("fra")


# the dictionary


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("span", [(3, 8), (9, 25), (26, 40)])
def test_a_dictionary_translates_words_and_not_sentences(language: Language, span: tuple[int, int]) -> None:
    held_out, dictionary = pairs.held_out_translation(language, 1, 300, *span), pairs.word_dictionary(language)
    hypotheses = [" ".join(pairs.translate_word_by_word(pair.source, dictionary)) for pair in held_out]
    references = [" ".join(pair.target) for pair in held_out]
    score = sacrebleu.corpus_bleu(hypotheses, [references], tokenize="none", force=True).score
    assert 10 < score < 40, score


def test_the_dictionary_knows_what_a_word_most_often_means() -> None:
    french = pairs.word_dictionary("fra")
    assert french["potato"] == ("pomme", "de", "terre")
    assert french["table"] == ("table",)
    assert french["does"] == ()
    assert set(french) == set(pairs.source_vocabulary("fra").tokens[len(SPECIALS) :])
    assert pairs.translate_word_by_word(["zebra", "potato"], french) == ["zebra", "pomme", "de", "terre"]


# opposites


def test_a_third_of_the_opposites_is_held_out_in_both_directions() -> None:
    train, held_out = pairs.opposites(), pairs.held_out_opposites()
    assert len(train) + len(held_out) >= 2 * 60
    assert 0.25 < len(held_out) / (len(train) + len(held_out)) < 0.35
    for part in (train, held_out):
        assert {(p.word, p.opposite) for p in part} == {(p.opposite, p.word) for p in part}
        assert all(UNK not in pairs.opposite_vocabulary().encode(p.word) for p in part)
    assert pairs.OppositePair("man", "woman", "man/woman") in train


def test_no_held_out_word_is_among_the_training_words() -> None:
    train = {pair.word for pair in pairs.opposites()}
    held_out = [pair.word for pair in pairs.held_out_opposites()]
    assert not train & set(held_out)
    assert len(held_out) == len(set(held_out))


def change(pair: pairs.OppositePair) -> tuple[str, str]:
    """What is left of both words without their common beginning and end."""
    a, b = pair.word, pair.opposite
    while a and b and a[0] == b[0]:
        a, b = a[1:], b[1:]
    while a and b and a[-1] == b[-1]:
        a, b = a[:-1], b[:-1]
    return a, b


def test_training_shows_every_pattern_and_nothing_like_the_pairs_without_one() -> None:
    shown: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for pair in pairs.opposites():
        shown[pair.pattern][change(pair)] += 1
    patterned = [pair for pair in pairs.held_out_opposites() if pair.pattern != "none"]
    alone = [pair for pair in pairs.held_out_opposites() if pair.pattern == "none"]
    assert len(patterned) >= 60
    assert len(alone) >= 20
    for pair in patterned:
        assert sum(shown[pair.pattern].values()) >= 4, pair
        assert change(pair) in shown[pair.pattern], pair
    everything = {found for changes in shown.values() for found in changes}
    assert not [pair for pair in alone if change(pair) in everything]


def test_a_word_that_stands_twice_is_refused(tmp_path: Path) -> None:
    module = copy_of("opposites", tmp_path)
    words = tmp_path / "opposites" / "words.txt"
    words.write_text(words.read_text(encoding="ascii") + ", hot warm\n", encoding="ascii")
    with pytest.raises(ValueError, match="hot"):
        module.read_words()
