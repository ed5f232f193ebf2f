"""The stories as words: documents of sentences, for lessons that hide words and pair sentences.

Words are lower-cased; a punctuation mark is a word of its own. The specials are BERT's, and come first in the
vocabulary.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache

from autograder.data import Vocabulary, held_out, stories

SPECIALS = ("[PAD]", "[CLS]", "[SEP]", "[MASK]", "[UNK]")
PAD, CLS, SEP, MASK, UNK = range(len(SPECIALS))

Sentence = tuple[str, ...]
Document = tuple[Sentence, ...]

_WORD = re.compile(r"[a-z]+(?:[-'][a-z]+)*|[^\sa-z]")
_END = re.compile(r'(?<=[.?])\s+(?=["A-Z])|(?<=[.?]")\s+(?=["A-Z])')


@cache
def documents() -> tuple[Document, ...]:
    """The training stories, each as its sentences, each as its words."""
    return tuple(_document(story) for story in stories().split("\n\n"))


def held_out_documents(seed: int, size: int) -> tuple[Document, ...]:
    """`size` stories that no training file holds; the same for the same arguments."""
    return tuple(_document(story) for story in held_out("stories", seed, size))


@cache
def vocabulary() -> Vocabulary:
    """The specials, then the words of the training stories: the most frequent first, ties in code-point order."""
    counts = Counter(word for document in documents() for sentence in document for word in sentence)
    return Vocabulary(SPECIALS + tuple(sorted(counts, key=lambda word: (-counts[word], word))))


def windows(of: Iterable[Document], num_words: int) -> list[list[int]]:
    """Every document as rows `[CLS]`, `num_words` ids, `[SEP]`, one after the other; what is left over is dropped."""
    rows = []
    for document in of:
        ids = vocabulary().encode(word for sentence in document for word in sentence)
        for start in range(0, len(ids) - num_words + 1, num_words):
            rows.append([CLS, *ids[start : start + num_words], SEP])
    return rows


def _document(story: str) -> Document:
    sentences = (sentence for paragraph in story.strip().split("\n") for sentence in _END.split(paragraph))
    return tuple(tuple(_WORD.findall(sentence.lower())) for sentence in sentences if sentence.strip())
