"""Named wrong answers to lesson 07: pairs of sentences."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Generator

from autograder.exercise import misconception
from autograder.reference import masking as right

Document = list[list[int]]
Pairs = list[tuple[list[int], list[int], bool]]


def _below(end: int, generator: Generator | None) -> int:
    device = None if generator is None else generator.device
    return int(torch.randint(end, (1,), generator=generator, device=device))


def _others(documents: list[Document], number: int) -> list[list[int]]:
    return [sentence for n, document in enumerate(documents) if n != number for sentence in document]


@misconception(
    "next_sentence_pairs", "any document", hint="Where may the sentence of a False pair come from? Where never?"
)
def pairs_any_document(documents: list[Document], generator: Generator) -> Pairs:
    every = [sentence for document in documents for sentence in document]
    return [
        (first, second, True) if _below(2, generator) else (first, every[_below(len(every), generator)], False)
        for document in documents for first, second in pairwise(document)
    ]


@misconception("next_sentence_pairs", "only true pairs", hint="What would a model learn from pairs that all say True?")
def pairs_all_true(documents: list[Document], generator: Generator) -> Pairs:
    return [(first, second, True) for document in documents for first, second in pairwise(document)]


@misconception(
    "next_sentence_pairs", "both for each place", hint="How many pairs does a document of three sentences give?"
)
def pairs_both(documents: list[Document], generator: Generator) -> Pairs:
    pairs: Pairs = []
    for number, document in enumerate(documents):
        others = _others(documents, number)
        for first, second in pairwise(document):
            pairs += [(first, second, True), (first, others[_below(len(others), generator)], False)]
    return pairs


@misconception(
    "next_sentence_pairs", "the wrong label", hint="What does True say of the second sentence?"
)
def pairs_inverted(documents: list[Document], generator: Generator) -> Pairs:
    return [(first, second, not yes) for first, second, yes in right.next_sentence_pairs(documents, generator)]


@misconception(
    "next_sentence_pairs", "always the first sentence", hint="Which sentences of a document occur in False pairs?"
)
def pairs_first_sentence(documents: list[Document], generator: Generator) -> Pairs:
    pairs: Pairs = []
    for number, document in enumerate(documents):
        others = [other for n, other in enumerate(documents) if n != number]
        for first, second in pairwise(document):
            pick = others[_below(len(others), generator)][0]
            pairs.append((first, second, True) if _below(2, generator) else (first, pick, False))
    return pairs


@misconception(
    "next_sentence_pairs", "one coin for a document", hint="Can one document give both a True and a False pair?"
)
def pairs_one_coin(documents: list[Document], generator: Generator) -> Pairs:
    pairs: Pairs = []
    for number, document in enumerate(documents):
        others, yes = _others(documents, number), bool(_below(2, generator))
        pairs += [(a, b if yes else others[_below(len(others), generator)], yes) for a, b in pairwise(document)]
    return pairs


@misconception("next_sentence_pairs", "True and False by turns", hint="Is it chance that decides about each pair?")
def pairs_by_turns(documents: list[Document], generator: Generator) -> Pairs:
    pairs: Pairs = []
    for number, document in enumerate(documents):
        others = _others(documents, number)
        for first, second in pairwise(document):
            yes = len(pairs) % 2 == 0
            pairs.append((first, second if yes else others[_below(len(others), generator)], yes))
    return pairs


@misconception(
    "next_sentence_pairs", "across documents", hint="Is a document's last sentence followed by one of its own?"
)
def pairs_across(documents: list[Document], generator: Generator) -> Pairs:
    return right.next_sentence_pairs([[s for document in documents for s in document], *documents], generator)[
        : sum(map(len, documents)) - 1
    ]


@misconception("next_sentence_pairs", "the generator unused", hint="Set a seed, draw twice. Do you get the same pairs?")
def pairs_global(documents: list[Document], generator: Generator) -> Pairs:
    pairs: Pairs = []
    for number, document in enumerate(documents):
        others = _others(documents, number)
        for first, second in pairwise(document):
            yes = bool(_below(2, None))
            pairs.append((first, second if yes else others[_below(len(others), generator)], yes))
    return pairs
