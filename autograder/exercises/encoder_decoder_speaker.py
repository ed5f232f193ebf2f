"""A decoder of plain tables for `greedy_decode` and `beam_search` to ask: what it says next hangs on all it has heard.

Its states are opaque, as a decoder's are: a tensor as an nn.GRU has it, a tuple, or an object that only it can read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from autograder.errors import AnswerError
from autograder.exercise import Rng

BOS, EOS = 1, 2


def speaker(
    rng: Rng, vocab_size: int, max_len: int, sentences: int, scale: float = 1.5, dtype: torch.dtype = torch.float64
) -> dict[str, Tensor]:
    """Tables of a speaker of `sentences` sentences, for `max_len` steps each.

    At step t, the word w heard at node k leads to node `follow[t, k, w]`, and the logits of the next word are that row
    of `scores[t]`, plus `bonus[sentence, t]`. Another word, and another node, always lead elsewhere.
    """
    scores = rng.normal(max_len, vocab_size, vocab_size, scale=scale) + _levels(rng, max_len, vocab_size)
    return {
        "follow": torch.stack([_latin_square(rng, vocab_size) for _ in range(max_len)]),
        "scores": scores.to(dtype),
        "bonus": torch.zeros(sentences, max_len, vocab_size, dtype=dtype),
        "start": rng.ids(sentences, high=vocab_size),
    }


def _levels(rng: Rng, *size: int) -> Tensor:
    """Logits mean nothing by their level, so each row has a level of its own."""
    return rng.normal(*size, 1, scale=4.0)


def _latin_square(rng: Rng, n: int) -> Tensor:
    rows, columns = torch.tensor(rng.permutation(n)), torch.tensor(rng.permutation(n))
    return (rows[:, None] + columns) % n


def ending(rng: Rng, tables: dict[str, Tensor], ends: Sequence[int | None], eos_id: int) -> dict[str, Tensor]:
    """The same speaker, whose sentence i says `eos_id` after `ends[i]` words (None: never), and now and then later."""
    bonus = tables["bonus"].clone()
    bonus[:, :, eos_id] = -60.0
    for row, end in enumerate(ends):
        if end is not None:
            later = rng.ids(max(bonus.shape[1] - end, 0), high=2)
            later[:1] = 1
            bonus[row, end:, eos_id] += 120.0 * later
    return tables | {"bonus": bonus}


def storyteller(
    rng: Rng, tree: Mapping[str, Mapping[str, float]], vocab_size: int, max_len: int, bos_id: int = BOS,
    eos_id: int = EOS,
) -> dict[str, Tensor]:
    """A speaker of one sentence that knows the beginnings in `tree`, and the probabilities of what follows each.

    A beginning is a string of capital letters, each a word (drawn here); "." is the end. What the tree leaves open is
    shared by the other words, which lead to node 0, where all words are about as likely. No probability is quite exact.
    """
    ordinary = [word for word in rng.permutation(vocab_size) if word not in (bos_id, eos_id)]
    words = dict(zip("ABCDEFGH", ordinary, strict=False)) | {".": eos_id}
    nodes = {beginning: number for number, beginning in enumerate(tree, 1)}
    follow = torch.zeros(max_len, len(tree) + 1, vocab_size, dtype=torch.int64)
    scores = rng.normal(max_len, len(tree) + 1, vocab_size, scale=0.1)
    for beginning, chances in tree.items():
        time, node = len(beginning), nodes[beginning]
        heard = words[beginning[-1]] if beginning else bos_id
        follow[time, nodes[beginning[:-1]] if beginning else 0, heard] = node
        chosen = [words[letter] for letter in chances]
        scores[time, node] += math.log((1 - sum(chances.values())) / (vocab_size - len(chances)))
        scores[time, node, chosen] = torch.tensor(list(chances.values()), dtype=torch.float64).log()
        scores[time, node, chosen] += rng.normal(len(chances), scale=0.003)
    start, bonus = torch.zeros(1, dtype=torch.int64), torch.zeros(1, max_len, vocab_size, dtype=torch.float64)
    return {"follow": follow, "scores": scores + _levels(rng, max_len, len(tree) + 1), "bonus": bonus, "start": start}


class Place:
    """Where each of n sentences is, `(n, 3)`: words heard, node, number of the sentence. Opaque to whoever asks."""

    __slots__ = ("rows",)

    def __init__(self, rows: Tensor) -> None:
        self.rows = rows


class Speaker:
    """Speaks from tables. `kind` is what its states look like: "tensor", "tuple" or "object"."""

    def __init__(self, tables: Mapping[str, Tensor], kind: str = "tensor") -> None:
        self.follow, self.scores, self.bonus = tables["follow"], tables["scores"], tables["bonus"]
        self.kind = kind
        numbers = torch.arange(len(tables["start"]), device=self.scores.device)
        self.first = torch.stack([torch.zeros_like(numbers), tables["start"], numbers], dim=1)

    def start(self) -> Any:
        """The state of a batch of all sentences."""
        return self._dressed(self.first)

    def starts(self) -> list[Any]:
        """The state of each sentence alone."""
        return [self._dressed(row[None]) for row in self.first]

    def step(self, ids: Any, state: Any) -> tuple[Tensor, Any]:
        """One word for every sentence of the batch: the step of `greedy_decode`."""
        rows = self._undressed(state)
        if len(rows) != len(self.first):
            raise AnswerError("step got a state of another batch than the one it returned")
        logits, rows = self._next(ids, rows, "batch")
        return logits, self._dressed(rows)

    def step_all(self, ids: Any, states: Any) -> tuple[Tensor, list[Any]]:
        """One word for each of n hypotheses: the step of `beam_search`."""
        if not isinstance(states, list | tuple) or not states:
            raise AnswerError("step expects a list of n states, one for each id")
        places = [self._undressed(state) for state in states]
        if any(len(rows) != 1 for rows in places):
            raise AnswerError("each state in the list given to step must belong to one hypothesis")
        logits, rows = self._next(ids, torch.cat(places), "n")
        return logits, [self._dressed(row[None]) for row in rows]

    def _next(self, ids: Any, rows: Tensor, size: str) -> tuple[Tensor, Tensor]:
        vocab_size = self.scores.shape[2]
        if not isinstance(ids, Tensor) or ids.dtype != torch.int64 or ids.shape != (len(rows),):
            raise AnswerError(f"step expects ids as an int64 tensor of shape ({size},), one for each sentence")
        if not all(0 <= word < vocab_size for word in ids.tolist()):
            raise AnswerError("step got an id that is not in the vocabulary")
        time, node, sentence = rows.unbind(1)
        if int(time.max()) >= len(self.scores):
            raise AnswerError("step is asked for more than max_len words of one sentence")
        node = self.follow[time, node, ids.to(node.device)]
        return self.scores[time, node] + self.bonus[sentence, time], torch.stack([time + 1, node, sentence], dim=1)

    def _dressed(self, rows: Tensor) -> Any:
        if self.kind == "tensor":
            return rows.to(self.scores.dtype)[None]  # (num_layers, n, d), as an nn.GRU has it
        if self.kind == "tuple":
            return rows[:, 0], {"node": rows[:, 1], "sentence": rows[:, 2]}
        return Place(rows)

    def _undressed(self, state: Any) -> Tensor:
        try:
            if self.kind == "tensor":
                return state.round().long().reshape(-1, 3)  # type: ignore[no-any-return]
            if self.kind == "tuple":
                return torch.stack([state[0], state[1]["node"], state[1]["sentence"]], dim=1)
            rows: Tensor = state.rows
            return rows
        except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise AnswerError("step got a state that is not one of those it returned, or the first one") from error
