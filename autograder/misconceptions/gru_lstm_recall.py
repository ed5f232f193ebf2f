"""Named wrong answers to lesson 03: batches of delayed recall, and what goes wrong in training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.exercise import Case, misconception
from autograder.reference import gru_lstm as right

Pair = tuple[Tensor, Tensor]
Generator = torch.Generator


# delayed_recall_batch


def rows(targets: Tensor, num_symbols: int, delay: int) -> Pair:
    inputs = torch.full((len(targets), delay + 2), num_symbols, device=targets.device)
    inputs[:, 0], inputs[:, -1] = targets, num_symbols + 1
    return inputs, targets


def drawn(low: int, high: int, batch: int, generator: Generator) -> Tensor:
    return torch.randint(low, high, (batch,), generator=generator, device=generator.device)


@misconception(
    "delayed_recall_batch", "one symbol for the whole batch", hint="Print the targets. Do the rows ever differ?"
)
def batch_of_one_symbol(batch: int, num_symbols: int, delay: int, generator: Generator) -> Pair:
    return rows(drawn(0, num_symbols, 1, generator).repeat(batch), num_symbols, delay)


@misconception("delayed_recall_batch", "the last symbol never comes", hint="Does randint include its upper end?")
def batch_without_the_last(batch: int, num_symbols: int, delay: int, generator: Generator) -> Pair:
    return rows(drawn(0, num_symbols - 1, batch, generator), num_symbols, delay)


@misconception(
    "delayed_recall_batch", "the blank among the symbols", hint="Which ids are symbols, and which id is the blank?"
)
def batch_with_blank_symbols(batch: int, num_symbols: int, delay: int, generator: Generator) -> Pair:
    return rows(drawn(0, num_symbols + 1, batch, generator), num_symbols, delay)


@misconception("delayed_recall_batch", "symbols from 1", hint="What is the id of the first symbol?")
def batch_from_one(batch: int, num_symbols: int, delay: int, generator: Generator) -> Pair:
    return rows(drawn(1, num_symbols, batch, generator), num_symbols, delay)


@misconception(
    "delayed_recall_batch", "blank and cue exchanged", hint="Which of the two ids comes once in a row, and where?"
)
def batch_exchanged(batch: int, num_symbols: int, delay: int, generator: Generator) -> Pair:
    inputs, targets = rows(drawn(0, num_symbols, batch, generator), num_symbols, delay)
    inputs[:, 1:-1], inputs[:, -1] = num_symbols + 1, num_symbols
    return inputs, targets


@misconception("delayed_recall_batch", "no cue", hint="How does the network know that it is to answer now?")
def batch_without_cue(batch: int, num_symbols: int, delay: int, generator: Generator) -> Pair:
    inputs, targets = rows(drawn(0, num_symbols, batch, generator), num_symbols, delay)
    inputs[:, -1] = num_symbols
    return inputs, targets


@misconception(
    "delayed_recall_batch", "a row too short", hint="A delay of 3: count the symbol, the blanks and the cue."
)
def batch_too_short(batch: int, num_symbols: int, delay: int, generator: Generator) -> Pair:
    inputs, targets = right.delayed_recall_batch(batch, num_symbols, delay, generator)
    return inputs[:, [0, *range(2, delay + 2)]], targets


@misconception(
    "delayed_recall_batch", "a target for every step", hint="How many answers does the network give for one row?"
)
def batch_with_targets_at_every_step(batch: int, num_symbols: int, delay: int, generator: Generator) -> Pair:
    inputs, targets = right.delayed_recall_batch(batch, num_symbols, delay, generator)
    return inputs, targets[:, None].expand(-1, delay + 2).clone()


@misconception("delayed_recall_batch", "numbers with a point", hint="Ids are counted. What dtype do yours have?")
def batch_of_floats(batch: int, num_symbols: int, delay: int, generator: Generator) -> Pair:
    inputs, targets = right.delayed_recall_batch(batch, num_symbols, delay, generator)
    return inputs.float(), targets


@misconception(
    "delayed_recall_batch", "global generator", hint="You were given a source of randomness. Who else draws from yours?"
)
def batch_of_global_numbers(batch: int, num_symbols: int, delay: int, generator: Generator) -> Pair:
    return rows(torch.randint(num_symbols, (batch,), device=generator.device), num_symbols, delay)


@misconception(
    "delayed_recall_batch", "generator set back", hint="Ask one generator for two batches. Should they be the same?"
)
def batch_again_and_again(batch: int, num_symbols: int, delay: int, generator: Generator) -> Pair:
    return right.delayed_recall_batch(batch, num_symbols, delay, generator.manual_seed(generator.initial_seed()))


@misconception(
    "delayed_recall_batch", "every symbol equally often",
    hint="Equally likely is not equally often: may a symbol come twice in a row of draws while another is missing?",
)
def batch_dealt(batch: int, num_symbols: int, delay: int, generator: Generator) -> Pair:
    order = torch.randperm(batch, generator=generator, device=generator.device)
    return rows(order % num_symbols, num_symbols, delay)


# recall: what a model with a flaw answers


def answers(case: Case, of: Callable[[Tensor, int, Tensor], Tensor], untrained: int = 0) -> dict[str, Any]:
    """Sure of the symbols `of(symbols, delay, rows)` names; before training, sure of symbol 0 or of the right ones."""
    kinds = case.inputs["sizes"]["num_symbols"]
    logits = {}
    for name, symbols in case.truth["symbols"].items():
        named = of(symbols, int(name.removeprefix("after_")), torch.arange(len(symbols)))
        logits[name] = 8.0 * F.one_hot(named % kinds, kinds).float()
    known = case.truth["known"]
    return {"logits": logits, "untrained": 8.0 * F.one_hot(known * untrained, kinds).float()}


@misconception(
    "recall", "always the same symbol",
    hint="The answer does not depend on the symbol. Did the loss ever fall? A gradient that must travel through every "
    "blank is easily lost: what do the gates do at the start, and which delays come in training?",
)
def says_the_same(case: Case) -> dict[str, Any]:
    return answers(case, lambda symbols, delay, row: 0 * symbols + 3)


@misconception(
    "recall", "right after short delays only",
    hint="After short delays the answers are right, after long ones not. How long are the delays that your model sees "
    "in training?",
)
def forgets(case: Case) -> dict[str, Any]:
    return answers(case, lambda symbols, delay, row: symbols if delay <= 5 else 0 * symbols)


@misconception(
    "recall", "right after long delays only",
    hint="After the longest delay the answers are right, after the shortest not. Does your model meet short delays in "
    "training?",
)
def knows_one_delay(case: Case) -> dict[str, Any]:
    return answers(case, lambda symbols, delay, row: symbols if delay > 40 else 0 * symbols)


@misconception(
    "recall", "rows depend on each other",
    hint="Two rows with the same symbol get different answers. Which axis does your network take for time?",
)
def mixes_rows(case: Case) -> dict[str, Any]:
    return answers(case, lambda symbols, delay, row: symbols + row)


@misconception(
    "recall", "symbols under other names",
    hint="Your model tells all symbols apart, but gives each another's name. Are these the weights that this class "
    "was trained with, and are the targets of training the symbols themselves?",
)
def renames(case: Case) -> dict[str, Any]:
    return answers(case, lambda symbols, delay, row: symbols + 1)


@misconception(
    "recall", "right without training",
    hint="A fresh model of your class answers right already. Does forward use what training has changed?",
)
def knows_before(case: Case) -> dict[str, Any]:
    return answers(case, lambda symbols, delay, row: symbols, untrained=1)
