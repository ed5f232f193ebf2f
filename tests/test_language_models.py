"""Lesson 01: its references are right, its checks accept what is right and reject what is wrong."""

from __future__ import annotations

import random
from typing import Any

import torch
import torch.nn.functional as F

from autograder.exercise import Rng, get
from autograder.reference import language_models as reference


def test_five_shapes_have_five_names() -> None:
    shapes = {reference.task_shape(n, m, a) for n in (1, 7) for m in (1, 7) for a in (False, True)}
    assert shapes == {
        "one-to-one", "one-to-many", "many-to-one", "many-to-many aligned", "many-to-many unaligned",
    }  # fmt: skip


def test_what_a_vocabulary_holds_is_encoded_by_its_place() -> None:
    tokens = ["b", "a", "<unk>", "c", "a", "Ä", "Z", "b", "b"]
    vocab = reference.build_vocab(tokens, min_freq=1)
    assert list(vocab) == ["<pad>", "<bos>", "<eos>", "<unk>", "b", "a", "Z", "c", "Ä"]
    assert reference.encode(["Ä", "nothing", "<unk>", "b"], vocab) == [8, 3, 3, 4]
    assert list(reference.build_vocab(tokens, min_freq=2)) == ["<pad>", "<bos>", "<eos>", "<unk>", "b", "a"]


def some_words(seed: int, letters: str, kinds: int) -> dict[str, int]:
    chance = random.Random(seed)
    words = ["".join(chance.choices(letters, k=chance.randint(1, 9))) for _ in range(kinds)]
    return {word: chance.randint(1, 12) for word in words}


def merges_by_places(word_counts: dict[str, int], num_merges: int) -> list[tuple[str, str]]:
    """Byte-pair encoding written another way: every word is cut at places, and a merge takes places away."""
    cuts = {word: [*range(len(word) + 1), len(word) + 4] for word in word_counts}
    merges: list[tuple[str, str]] = []
    while len(merges) < num_merges:
        totals: dict[tuple[str, str], int] = {}
        for word, places in cuts.items():
            text = word + "</w>"
            for a, b, c in zip(places, places[1:], places[2:], strict=False):
                totals[text[a:b], text[b:c]] = totals.get((text[a:b], text[b:c]), 0) + word_counts[word]
        if not totals:
            break
        merges.append(sorted(totals, key=lambda pair: (-totals[pair], pair))[0])
        for word, places in cuts.items():
            text, i = word + "</w>", 0
            while i + 2 < len(places):
                if (text[places[i] : places[i + 1]], text[places[i + 1] : places[i + 2]]) == merges[-1]:
                    del places[i + 1]
                i += 1
    return merges


def test_byte_pair_encoding_agrees_with_an_independent_one() -> None:
    for seed in range(30):
        counts = some_words(seed, "abcé"[: 2 + seed % 3], 3 + seed)
        assert reference.bpe_merges(counts, 25) == merges_by_places(counts, 25)


def test_tokens_of_the_training_words_spell_the_words() -> None:
    counts = some_words(5, "abcde", 40)
    merges = reference.bpe_merges(counts, 60)
    for word in counts:
        assert "".join(reference.bpe_tokenize(word, merges)) == word + "</w>"


def test_windows_are_the_text_cut_in_pieces() -> None:
    for n_ids in range(1, 40):
        ids = torch.randperm(n_ids)
        for num_steps in range(1, 9):
            inputs, targets = reference.language_model_windows(ids, num_steps)
            starts = [k for k in range(0, n_ids, num_steps) if k + num_steps < n_ids]
            assert inputs.tolist() == [ids[k : k + num_steps].tolist() for k in starts]
            assert targets.tolist() == [ids[k + 1 : k + num_steps + 1].tolist() for k in starts]
            assert inputs.shape == targets.shape == (len(starts), num_steps)


def test_every_offset_and_every_order_come() -> None:
    generator = torch.Generator().manual_seed(0)
    seen = set()
    for _ in range(400):
        ((inputs, targets),) = reference.random_batches(torch.arange(9), 2, 3, generator)
        assert torch.equal(targets, inputs + 1)
        seen.add(tuple(inputs[:, 0].tolist()))
    assert {offset % 2 for offset, *_ in seen} == {0, 1}
    assert len({order for order in seen if min(order) == 1}) == 6


def test_each_row_goes_on_in_the_next_batch() -> None:
    ids = torch.randperm(101)
    batches = list(reference.sequential_batches(ids, num_steps=4, batch_size=3))
    assert len(batches) == 8
    rows, following = torch.cat([x for x, _ in batches], dim=1), torch.cat([y for _, y in batches], dim=1)
    assert torch.equal(rows[:, 1:], following[:, :-1])
    assert torch.equal(rows, torch.stack([ids[i * 33 : i * 33 + 32] for i in range(3)]))


def test_a_bigram_model_is_counted_by_hand() -> None:
    found = reference.bigram_model(torch.tensor([0, 1, 0, 1, 1]), 3, alpha=0.5)
    wanted = torch.tensor([[0.5, 2.5, 0.5], [1.5, 1.5, 0.5], [0.5, 0.5, 0.5]])
    torch.testing.assert_close(found, wanted / wanted.sum(dim=1, keepdim=True))


def test_perplexity_of_a_uniform_model_is_the_size_of_the_vocabulary() -> None:
    logits, targets = torch.full((3, 5, 11), 2.0, dtype=torch.float64), torch.randint(11, (3, 5))
    torch.testing.assert_close(reference.perplexity(logits, targets), torch.tensor(11.0, dtype=torch.float64))


def test_perplexity_agrees_with_its_definition() -> None:
    logits, targets = torch.randn(4, 6, 9, dtype=torch.float64), torch.randint(9, (4, 6))
    p = F.softmax(logits, dim=-1).gather(-1, targets[..., None])[..., 0]
    torch.testing.assert_close(reference.perplexity(logits, targets), p.prod() ** (-1 / 24))
    padded = targets.clone()
    padded[:, 3:] = -1
    found = reference.perplexity(logits, padded, ignore_index=-1)
    torch.testing.assert_close(found, p[:, :3].prod() ** (-1 / 12))


def junk() -> list[Any]:
    tensors = [torch.zeros(3), torch.zeros(2, 5), torch.full((2, 5), 10**9), torch.full((2, 5), -7), torch.zeros(0, 5)]
    return [None, 3, "ids", {"ids": [1]}, object(), [], [[10**30]], [["x"]], [[True]], *tensors]


def test_verify_never_raises_whatever_comes_back() -> None:
    one = get("random_batches")
    for case in one.cases(Rng(0, "random_batches")):
        right = one.drive(reference.random_batches, **case.inputs)
        assert one.verify(case, right) == []
        assert one.verify(case, {})
        keys = ("inputs", "targets", "sizes", *(("same seed", "another seed") if "same seed" in right else ()))
        for value in junk():
            assert one.verify(case, dict.fromkeys(keys, value))
            for key in keys:
                assert one.verify(case, right | {key: value}), key


def test_honest_batches_are_never_found_out() -> None:
    """A hundred seeds; the bets allow one alarm in a million."""
    one = get("random_batches")
    named = {case.name: case for case in one.cases(Rng(0, "random_batches"))}
    for seed in range(100):
        for name in ("many epochs", "a long text"):
            case = named[name]
            inputs = {**case.inputs, "seed": seed}
            assert one.verify(case, one.drive(reference.random_batches, **inputs)) == []
