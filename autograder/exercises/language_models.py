"""Lesson 01: the shapes of tasks, tokens, counts and perplexity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from autograder.errors import AnswerError
from autograder.exercise import Case, Exercise, Rng, Tolerance, exercise, strided

LESSON = "01_language_models"
F32, F64 = torch.float32, torch.float64
SPECIALS = ("<pad>", "<bos>", "<eos>", "<unk>")
# Several alphabets, capitals and digits: in code-point order, unlike in a dictionary, A < Z < a < z < é < ж < 猫.
WORDS = (
    "zebra", "Zebra", "apple", "Apple", "éclair", "ecru", "жук", "猫", "the", "The", "a", "1984", "-", "naïve", "naive",
    "word", "words", "ω", "über", "under", "_", "~",
)  # fmt: skip


def shuffled(rng: Rng, items: list[str]) -> list[str]:
    return [items[i] for i in rng.permutation(len(items))]


def text_of(rng: Rng, counts: dict[str, int]) -> list[str]:
    """Tokens with these counts, in random order."""
    return shuffled(rng, [token for token, count in counts.items() for _ in range(count)])


def varied_text(rng: Rng, kinds: int, extra: tuple[str, ...] = ()) -> list[str]:
    """A text in which several tokens share each of the counts 1, 2, 3 and 5."""
    chosen = shuffled(rng, list(WORDS))[:kinds] + list(extra)
    return text_of(rng, {token: (1, 2, 3, 5)[i % 4] for i, token in enumerate(chosen)})


@exercise("task_shape", lesson=LESSON, points=1, difficulty=1, minutes=4)
class TaskShape(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(name: str, num_inputs: int, num_outputs: int, aligned: bool) -> Case:
            return Case(name, {"num_inputs": num_inputs, "num_outputs": num_outputs, "aligned": aligned})

        def many() -> int:
            return rng.integer(3, 40)

        same, more = many(), many()
        yield case("one input, one output", 1, 1, False)
        yield case("one input, one output, in step", 1, 1, True)
        yield case("one input, many outputs", 1, many(), False)
        yield case("one input, two outputs", 1, 2, False)
        yield case("many inputs, one output", many(), 1, False)
        yield case("two inputs, one output", 2, 1, False)
        yield case("as many outputs as inputs, in step", same, same, True)
        yield case("as many outputs as inputs, not in step", same, same, False)
        yield case("two inputs, two outputs, in step", 2, 2, True)
        yield case("two inputs, two outputs, not in step", 2, 2, False)
        yield case("more outputs than inputs", more, more + many(), False)
        yield case("more inputs than outputs", more + many(), more, False)

    def drive(self, answer: Any, num_inputs: int, num_outputs: int, aligned: bool) -> dict[str, Any]:
        return {"shape": answer(num_inputs, num_outputs, aligned)}


@exercise("build_vocab", lesson=LESSON, points=4, difficulty=2, minutes=12)
class BuildVocab(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(name: str, tokens: list[str], weight: float = 1.0, **options: Any) -> Case:
            return Case(name, {"tokens": tokens, **options}, weight)

        with_specials = varied_text(rng, 11, ("<unk>", "<eos>"))
        own = ("<unk>", "<s>", "<mask>")
        rising = {token: 2 * i + 1 for i, token in enumerate(shuffled(rng, list(WORDS))[:6])}
        yield case("counts that differ", text_of(rng, rising), weight=2)
        yield case("counts that are equal", text_of(rng, dict.fromkeys(WORDS, 2)), weight=2)
        yield case("some counts equal", varied_text(rng, 14))
        yield case("min_freq 2", varied_text(rng, 13), min_freq=2)
        yield case("min_freq 3", varied_text(rng, 15), min_freq=3)
        yield case("min_freq above every count", varied_text(rng, 9), min_freq=6)
        yield case("specials in the text", with_specials, weight=2)
        yield case("specials in the text, seldom", ["<pad>", *text_of(rng, {"b": 3, "a": 2})], min_freq=2)
        yield case("other specials", [*varied_text(rng, 8), "<pad>"], specials=own)
        yield case("other specials in the text", varied_text(rng, 10, ("<mask>", "<bos>")), min_freq=2, specials=own)
        yield case("no specials", varied_text(rng, 7), specials=())
        yield case("an empty text", [], specials=own)
        yield case("an empty text, usual specials", [])
        yield case("one token", ["~"], min_freq=1)

    def drive(self, answer: Any, tokens: list[str], **options: Any) -> dict[str, Any]:
        found = answer(tokens, **options)
        if not isinstance(found, dict):
            raise AnswerError(f"expected a dict from token to id, got {type(found).__name__}")
        if any(type(token) is not str or type(i) is not int for token, i in found.items()):
            raise AnswerError("expected a dict whose keys are tokens (str) and whose values are ids (int)")
        pairs = sorted(found.items(), key=lambda pair: (pair[1], pair[0]))
        return {"tokens in the order of their ids": [token for token, _ in pairs], "ids": [i for _, i in pairs]}


@exercise("encode", lesson=LESSON, points=2, difficulty=1, minutes=5)
class Encode(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(name: str, tokens: list[str], specials: tuple[str, ...], known: int, weight: float = 1.0) -> Case:
            order = [*specials, *shuffled(rng, [w for w in WORDS if w not in ("猫", "zebra", "Apple")])[:known]]
            return Case(name, {"tokens": tokens, "vocab": {token: i for i, token in enumerate(order)}}, weight)

        def words(n: int) -> list[str]:
            return [WORDS[rng.integer(0, len(WORDS))] for _ in range(n)]

        unknown = ["猫", "zebra", "Apple"]
        yield case("known and unknown tokens", shuffled(rng, words(15) + unknown), SPECIALS, 12, weight=2)
        yield case("<unk> in another place", shuffled(rng, words(9) + unknown), ("<pad>", "<s>", "<unk>"), 9, weight=2)
        yield case("<unk> comes first", [*words(7), *unknown, "<unk>"], ("<unk>", "<pad>"), 8)
        yield case("the token of id 0", ["<pad>", *words(6), "<pad>"], SPECIALS, 19)
        yield case("specials among the tokens", ["<bos>", *words(5), "<unk>", "<eos>"], SPECIALS, 6)
        yield case("other capitals are other tokens", ["APPLE", "apple", "Apple", "THE", "the", "The"], SPECIALS, 19)
        yield case("no token known", unknown, SPECIALS, 3)
        yield case("one token", ["猫"], SPECIALS, 2)
        yield case("no tokens", [], SPECIALS, 4)
        scattered = {token: 10 * i + 7 for i, token in enumerate(shuffled(rng, ["<unk>", "the", "a", "-", "word"]))}
        gaps = shuffled(rng, [*words(8), "the", "word", "-"])
        yield Case("ids with gaps", {"tokens": gaps, "vocab": scattered})

    def drive(self, answer: Any, tokens: list[str], vocab: dict[str, int]) -> dict[str, Any]:
        return {"ids": answer(tokens, vocab)}


def word_counts(rng: Rng, letters: str, kinds: int, longest: int, most: int = 9) -> dict[str, int]:
    """Random words with random counts, in random order."""
    found: dict[str, int] = {}
    while len(found) < kinds:
        word = "".join(letters[rng.integer(0, len(letters))] for _ in range(rng.integer(1, longest + 1)))
        found.setdefault(word, rng.integer(1, most + 1))
    return found


@exercise("bpe_merges", lesson=LESSON, points=6, difficulty=4, minutes=30)
class BPEMerges(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(name: str, counts: dict[str, int], num_merges: int, weight: float = 1.0) -> Case:
            return Case(name, {"word_counts": counts, "num_merges": num_merges}, weight)

        few, many = rng.integer(2, 5), rng.integer(5, 9)
        yield case("a few words", {"low": 5, "lower": 2, "newest": 6, "widest": 3, "slowest": few}, 10, weight=2)
        yield case("random words", word_counts(rng, "abcde", 14, 7), 15, weight=2)
        yield case("words count as often as they occur", {"ab": 2 * many + 1, "cd": many, "ecd": many, "xy": 3}, 4)
        yield case("a pair that overlaps itself", {"aaa": many, "bc": 2 * many - 2, "dbc": 1}, 4, weight=2)
        yield case("overlapping places in a long run", {"aaaaa": many, "bc": 3 * many, "xaaaay": 1}, 5)
        yield case("a run is merged from the left", {"aaa": 9, "aaab": 4, "baaa": 3}, 6)
        first, second = ["zx", "Zx", "éx", "xé", "猫x", "ax", "Ax", "1x"], ["nz", "nB", "nb", "né"]
        yield case("equal counts", dict.fromkeys(shuffled(rng, first), 2), 8)
        yield case("equal counts, the second symbol decides", dict.fromkeys(shuffled(rng, second), 3), 4)
        yield case("ties between short and long symbols", word_counts(rng, "ab", 9, 6, most=2), 12)
        yield case("ties by the first symbol, then the second", {"ab": 20 + few, "acx": 4, "abbx": 4}, 5)
        yield case("a join that is not a place", {"cab": 6, "ab": 2 * many, "ca": 20 + few}, 6)
        yield case("ends of words", {"es": 4, "est": 5, "tes": 5, "s": 9, "ts": 3}, 6)
        yield case("marks that patterns use", {"a.b": 5, "axb": 2, "(.b": 4, "c+": few, "c+c+": 3, "[^": 3}, 9)
        yield case("nothing left to merge", {"ab": few, "b": 3, "yx": 1}, 9)
        yield case("one letter", {"x": 4}, 3)
        yield case("no merge asked for", word_counts(rng, "abc", 4, 5), 0)
        yield case("no words", {}, 3)

    def drive(self, answer: Any, word_counts: dict[str, int], num_merges: int) -> dict[str, Any]:
        found = answer(word_counts, num_merges)
        if not isinstance(found, list):
            raise AnswerError(f"expected a list of pairs, got {type(found).__name__}")
        for pair in found:
            if not isinstance(pair, tuple):
                raise AnswerError(f"expected a list of tuples (left, right); it holds a {type(pair).__name__}")
        return {"merges": found}


@exercise("bpe_tokenize", lesson=LESSON, points=4, difficulty=3, minutes=15, builds_on=("bpe_merges",))
class BPETokenize(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(name: str, word: str, merges: list[tuple[str, str]], weight: float = 1.0) -> Case:
            return Case(name, {"word": word, "merges": merges}, weight)

        end = "</w>"
        learned = [("e", "s"), ("es", "t"), ("est", end), ("l", "o"), ("lo", "w"), ("n", "e"), ("ne", "w"), ("e", "r")]
        yield case("a word of the training text", "lowest", learned, weight=2)
        yield case("a new word", "newlower", learned, weight=2)
        yield case("a pair in several places", "estestlowlo", learned)
        yield case("the end of the word", "west", [("e", "s"), ("t", end), ("es", "t"), ("es", f"t{end}")])
        yield case("the end is no ordinary symbol", "wests", learned)
        # The third merge makes what the first one joins: too late for it.
        yield case("each merge once, in order", "abcab", [("ab", "c"), ("b", end), ("a", "b"), ("c", "ab")], weight=2)
        yield case("an earlier merge fits again later", "xabac", [("aba", "c"), ("a", "b"), ("ab", "a")])
        yield case("the order decides", "abcb", [("b", "c"), ("a", "b"), ("bc", "b"), ("a", "bcb")])
        yield case("an odd run", "aaaaa", [("a", "a"), ("aa", "a"), ("a", end)])
        yield case("an even run", "baaaa", [("a", "a"), ("aa", "aa"), ("b", "aaaa")])
        yield case("a symbol that ends like another", "cabab", [("c", "a"), ("a", "b")], weight=2)
        yield case("a symbol that begins like another", "abdab", [("b", "d"), ("a", "b")])
        yield case("marks that patterns use", "a.b(axb)", [("a", "."), (".", "b"), ("a.", "b"), ("b", ")")])
        yield case("other alphabets", "naïveжук猫", [("ï", "v"), ("ж", "у"), ("жу", "к"), ("猫", end), ("n", "a")])
        yield case("no merges", "plain", [])
        yield case("one letter", "a", [("a", end), ("a", "a")])
        yield case("no letters", "", [("a", "b")])
        word = "".join("abc"[rng.integer(0, 3)] for _ in range(30))
        yield case("a long word", word, self._random_merges(rng), weight=2)

    def _random_merges(self, rng: Rng) -> list[tuple[str, str]]:
        symbols, merges = ["a", "b", "c"], []
        for _ in range(12):
            left, right = (symbols[rng.integer(0, len(symbols))] for _ in range(2))
            if (left, right) not in merges and len(left + right) < 6:
                merges.append((left, right))
                symbols.append(left + right)
        return merges

    def drive(self, answer: Any, word: str, merges: list[tuple[str, str]]) -> dict[str, Any]:
        return {"symbols": answer(word, merges)}


@exercise("bigram_model", lesson=LESSON, points=4, difficulty=2, minutes=15)
class BigramModel(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(name: str, ids: Tensor, vocab_size: int, alpha: float, weight: float = 1.0, **more: Any) -> Case:
            return Case(name, {"ids": ids, "vocab_size": vocab_size, "alpha": alpha} | more, weight)

        yield case("add one", rng.ids(60, high=7), 7, 1.0, weight=2)
        yield case("add one tenth", rng.ids(50, high=6), 6, 0.1, weight=2)
        yield case("add three", rng.ids(40, high=5), 5, 3.0, weight=2)
        yield case("almost nothing added", rng.ids(80, high=4), 4, 1e-4)
        yield case("ids that never come", 2 + 3 * rng.ids(30, high=3), 11, 0.5, weight=2)
        yield case("the last id comes once", torch.cat([rng.ids(25, high=4), torch.tensor([4])]), 6, 1.0)
        yield case("one id again and again", torch.full((9,), 2), 5, 0.25)
        yield case("two ids", torch.tensor([3, 1]), 4, 1.0)
        yield case("a single id", torch.tensor([2]), 6, 0.5)
        yield case("a vocabulary of one", torch.tensor([0, 0, 0]), 1, 2.0)
        yield case("a long text", rng.ids(5000, high=3) * rng.ids(5000, high=4), 9, 0.3)
        yield case("another layout in memory", strided(rng.ids(30, high=5)), 5, 2.0)
        yield case("the default dtype is float64", rng.ids(45, high=6), 6, 0.7, default_float64=True)

    def drive(
        self, answer: Any, ids: Tensor, vocab_size: int, alpha: float, default_float64: bool = False
    ) -> dict[str, Any]:
        before = torch.get_default_dtype()
        torch.set_default_dtype(F64 if default_float64 else F32)
        try:
            return {"probabilities": answer(ids, vocab_size, alpha)}
        finally:
            torch.set_default_dtype(before)


@exercise("perplexity", lesson=LESSON, points=4, difficulty=2, minutes=12)
class Perplexity(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(
            name: str, logits: Tensor, weight: float = 1.0, ignored: int | None = None, gradients: bool = False,
            relative: float | None = None, **more: Any,
        ) -> Case:
            targets = rng.ids(*logits.shape[:-1], high=logits.shape[-1])
            if ignored is not None:
                targets = torch.where(rng.uniform(*targets.shape) < 0.4, ignored, targets)  # and at least one of each:
                targets.view(-1)[:2] = torch.tensor([ignored, (ignored + 1) % logits.shape[-1]])
            asked = {"logits": logits, "targets": targets} | more
            return Case(name, asked, weight, ("logits",) if gradients else False, tolerance=Tolerance(relative))

        yield case("a batch of sequences", rng.normal(3, 5, 7, scale=2.0), weight=2)
        yield case("rows of unequal difficulty", rng.normal(4, 6, 5) * torch.tensor([0.1, 1, 3, 9.0])[:, None, None])
        yield case("one sequence", rng.normal(9, 6))
        yield case("three axes before the scores", rng.normal(2, 3, 4, 5, scale=1.5))
        yield case("one position, no axis before", rng.normal(8))
        yield case("all sizes equal", rng.normal(4, 4, 4))
        yield case("padding is left out", rng.normal(4, 6, 5), weight=2, ignored=-100)
        yield case("another id is left out", rng.normal(3, 7, 6), weight=2, ignored=0, ignore_index=0)
        yield case("a larger id is left out", rng.normal(5, 4, 8), ignored=6, ignore_index=6)
        yield case("an id below zero is left out", rng.normal(5, 3, 4), ignored=-1, ignore_index=-1)
        yield case("id 0 counts like every other", rng.normal(6, 4, 2))
        yield case("huge scores", 4000.0 + rng.normal(3, 4, 6))
        yield case("scores far below zero", -4000.0 + rng.normal(3, 4, 6))
        yield case("scores far apart", rng.normal(2, 3, 5, scale=12.0))
        sure = torch.tensor([[120.0, -80.0], [1.0, 2.0]], dtype=F64)
        yield Case("sure and wrong", {"logits": sure, "targets": torch.tensor([1, 0])})
        yield case("float32 stays float32", rng.normal(3, 4, 9, dtype=F32))
        yield case("huge scores in float32", 100.0 + rng.normal(2, 5, 4, dtype=F32), ignored=-100, relative=2e-4)
        yield case("another layout in memory", strided(rng.normal(4, 3, 5)))
        yield case("gradients", rng.normal(3, 4, 6), weight=2, ignored=-100, gradients=True)

    def drive(self, answer: Any, logits: Tensor, targets: Tensor, **options: Any) -> dict[str, Any]:
        return {"perplexity": answer(logits, targets, **options)}
