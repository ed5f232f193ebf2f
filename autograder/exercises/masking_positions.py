"""Lesson 07: positions drawn at random, token by token, word by word, and anew in each epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from autograder.exercise import Case, Exercise, Rng, exercise, strided
from autograder.exercises.masking import LESSON
from autograder.exercises.masking_draws import drawn_by, generator_problem, stacked, table
from autograder.exercises.masking_rows import Choices, collision, explanations, rationed

ENOUGH_DRAWS = 400
"""With fewer, hardly a bet can be won: then only what is impossible is looked for."""


def tokens(rng: Rng, *size: int, special_ids: list[int], vocab_size: int, share: float = 0.2) -> Tensor:
    """Rows of ids that begin with a special; of the others, this share are specials too."""
    ordinary = torch.tensor([i for i in range(vocab_size) if i not in special_ids])
    ids = ordinary[rng.ids(*size, high=len(ordinary))]
    specials = torch.tensor(special_ids)[rng.ids(*size, high=len(special_ids))]
    hidden = rng.uniform(*size) < share
    hidden[..., 0] = True
    return torch.where(hidden, specials, ids)


class Positions(Exercise):
    """Draws positions several times, in tensors `(calls, batch, seq)`."""

    def verify(self, case: Case, outputs: dict[str, Any]) -> list[str]:
        """What is impossible first, then bets on the draws, then the generator.

        A right answer is rejected with probability below 1e-5: at most 25 bets at `chance.FALSE_ALARM` in each of at
        most six cases, and the same draws twice by chance, which is rarer than 1e-9 where they are compared.
        """
        problem = self.form_problem(case, outputs) or self.rows_problem(case, outputs)
        if problem is None and case.inputs.get("repeat"):
            problem = generator_problem(outputs, lambda run: self.form_problem(case, run), _alike)
        return [] if problem is None else [problem]

    def form_problem(self, case: Case, outputs: Mapping[str, Any]) -> str | None:
        found = table(outputs.get("chosen"), self.like(case), torch.bool)
        return None if found is not None else "`chosen` is not a tensor of torch.bool with the expected shape"

    def like(self, case: Case) -> Tensor:
        """A tensor of the shape of the positions that are drawn."""
        raise NotImplementedError

    def rows_problem(self, case: Case, outputs: Mapping[str, Any]) -> str | None:
        """What is wrong with well-formed draws, None for nothing."""
        raise NotImplementedError


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return torch.equal(one["chosen"], other["chosen"])


def too_few(case: Case, choices: Choices) -> bool:
    """Are there too few draws for bets on them? Where the generator is asked about, other cases have them."""
    return bool(case.inputs.get("repeat")) or int(choices.valid.sum()) < ENOUGH_DRAWS


def told(found: list[str]) -> str | None:
    """A message that names the best explanation."""
    if not found:
        return None
    return f"these are not independent draws with probability `rate`: it looks as if {found[0]}"


def token_choices(ids: Tensor, special_ids: list[int], rate: float, chosen: Tensor) -> Choices:
    """Draws of ordinary tokens, with what may go wrong; ids and chosen are `(calls, batch, seq)`."""
    ordinary = ~torch.isin(ids, torch.tensor(special_ids))
    calls, rows, seq = (torch.arange(size).view(shape) for size, shape in zip(
        ids.shape, ((-1, 1, 1), (-1, 1), (-1,)), strict=True
    ))
    n = ordinary.sum(-1)
    wide = (rate * ids.shape[2] / n.clamp(min=1)).clamp(max=0.99)[..., None].expand(ids.shape).double()
    of_all = rationed(chosen, ordinary, torch.full(n.shape, rate * ids.shape[2], dtype=torch.float64))
    place = (seq + rows * ids.shape[2]).expand(ids.shape)
    return Choices(
        chosen, ordinary, rate, mended=True,
        rates={"the share were taken of all tokens, specials included": torch.cat([wide[None], of_all])},
        shared={
            "one draw served a whole row": (rows + calls * ids.shape[1]).expand(ids.shape),
            "the rows of a batch shared their draws": (seq + calls * ids.shape[2]).expand(ids.shape),
            "equal tokens shared one draw": ids + calls * (int(ids.max()) + 1),
            "the draws of one time came back the next time": place,
        },
        hangs={
            "some places were likelier than others": seq.expand(ids.shape),
            "some tokens were likelier than others": ids,
        },
    )


def impossible(choices: Choices) -> str | None:
    """What can't come out of right draws of ordinary tokens, whatever chance does; None for nothing."""
    drawn, valid = choices.drawn, choices.valid
    if (drawn & ~valid).any():
        return "a special token is chosen"
    if (valid.any(-1) & ~drawn.any(-1)).any():
        return "a row that has ordinary tokens is left without a chosen one"
    if choices.rate == 1 and (valid & ~drawn).any():
        return "an ordinary token is left out although `rate` is 1"
    if choices.rate == 0 and (drawn.sum(-1) > 1).any():
        return "a row has more than one chosen token although `rate` is 0"
    return None


@exercise("choose_positions", lesson=LESSON, points=6, difficulty=3, minutes=20)
class ChoosePositions(Positions):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(name: str, ids: Tensor, special_ids: list[int], rate: float, weight: float = 1.0, **more: Any) -> Case:
            asked = {"ids": ids, "special_ids": special_ids, "rate": rate, "seed": rng.integer(0, 2**31)}
            return Case(name, asked | more, weight)

        def drawn(*size: int, share: float = 0.2) -> Tensor:
            return tokens(rng, *size, special_ids=bert, vocab_size=17, share=share)

        bert, apart = [0, 1, 2, 3, 4], [7, 0, 12, 3]
        yield case("a few rows", drawn(2, 4, 9), bert, 0.3, weight=2)
        yield case("special ids far apart", tokens(rng, 3, 5, 8, special_ids=apart, vocab_size=14), apart, 0.5)
        bare = drawn(6, 4, 6)
        bare[:, 1], bare[:, 3, 1:] = rng.ids(6, 6, high=5), 2
        yield case("a row of specials only", bare, bert, 0.4)
        yield case("rate 1", drawn(2, 5, 7), bert, 1.0)
        yield case("a batch of one", drawn(6, 1, 8), bert, 0.2)
        yield case("one token", torch.tensor([[[5], [0], [11]]]), bert, 0.1)
        yield case("as many rows as tokens in a row", drawn(2, 6, 6), bert, 0.3)
        yield case("another layout in memory", strided(drawn(3, 4, 7)), bert, 0.3)
        yield case("many tokens", drawn(24, 12, 16), bert, 0.4, weight=3)
        yield case("many short rows", drawn(10, 70, 6, share=0.4), bert, 0.15, weight=3)
        yield case("rate 0", drawn(10, 40, 7), bert, 0.0, weight=2)
        yield case("the generator alone decides", drawn(4, 20, 9), bert, 0.4, weight=2, repeat=True)

    def drive(
        self, answer: Any, ids: Tensor, special_ids: list[int], rate: float, seed: int, repeat: bool = False
    ) -> dict[str, Any]:
        def draw(generator: torch.Generator) -> dict[str, Any]:
            found = [answer(batch, special_ids, rate, generator) for batch in ids]
            return {"chosen": stacked(found, ids, torch.bool, "chosen")}

        return drawn_by(draw, ids.device, seed, repeat)

    def like(self, case: Case) -> Tensor:
        ids: Tensor = case.inputs["ids"]
        return ids

    def rows_problem(self, case: Case, outputs: Mapping[str, Any]) -> str | None:
        asked, chosen = case.inputs, outputs["chosen"].cpu()
        choices = token_choices(asked["ids"], asked["special_ids"], asked["rate"], chosen)
        problem = impossible(choices)
        if problem or asked["rate"] == 1 or too_few(case, choices):
            return problem
        return told(explanations(choices))


@exercise("whole_word_positions", lesson=LESSON, points=5, difficulty=3, minutes=15)
class WholeWordPositions(Positions):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(name: str, word_ids: Tensor, rate: float, weight: float = 1.0, **more: Any) -> Case:
            return Case(name, {"word_ids": word_ids, "rate": rate, "seed": rng.integer(0, 2**31)} | more, weight)

        yield case("a few rows", words(rng, 3, 4, num_words=5, seq=12), 0.5, weight=2)
        yield case("words numbered with gaps", words(rng, 3, 4, num_words=4, seq=11, gaps=True), 0.5)
        long = torch.tensor([[[-1, 0, 0, 0, 0, 0, 0, -1], [0, 1, 1, 1, 1, 1, 1, 1], [-1, -1, 0, 1, 2, 3, -1, -1]]])
        yield case("words of many pieces", long.repeat(8, 1, 1), 0.5)
        yield case("rate 1", words(rng, 2, 3, num_words=4, seq=10), 1.0)
        yield case("rate 0", words(rng, 2, 5, num_words=3, seq=9), 0.0)
        yield case("a row without words", torch.full((2, 3, 5), -1), 0.7)
        yield case("a batch of one", words(rng, 4, 1, num_words=3, seq=7), 0.5)
        yield case("one piece", torch.tensor([[[0], [-1], [0]]]), 0.5)
        yield case("as many rows as pieces in a row", words(rng, 3, 8, num_words=4, seq=8), 0.5)
        yield case("another layout in memory", strided(words(rng, 3, 4, num_words=5, seq=13)), 0.4)
        yield case("many words", words(rng, 12, 20, num_words=6, seq=16), 0.3, weight=3)
        yield case("many words, numbered with gaps", words(rng, 8, 20, num_words=5, seq=13, gaps=True), 0.6, weight=2)
        again = words(rng, 3, 12, num_words=5, seq=13)
        yield case("the generator alone decides", again, 0.5, weight=2, repeat=True)

    def drive(self, answer: Any, word_ids: Tensor, rate: float, seed: int, repeat: bool = False) -> dict[str, Any]:
        def draw(generator: torch.Generator) -> dict[str, Any]:
            found = [answer(batch, rate, generator) for batch in word_ids]
            return {"chosen": stacked(found, word_ids, torch.bool, "chosen")}

        return drawn_by(draw, word_ids.device, seed, repeat)

    def like(self, case: Case) -> Tensor:
        word_ids: Tensor = case.inputs["word_ids"]
        return word_ids

    def rows_problem(self, case: Case, outputs: Mapping[str, Any]) -> str | None:
        word_ids, rate, chosen = case.inputs["word_ids"], case.inputs["rate"], outputs["chosen"].cpu()
        inside = (word_ids[..., 1:] == word_ids[..., :-1]) & (word_ids[..., 1:] >= 0)
        if (chosen & (word_ids < 0)).any():
            return "a special token is chosen"
        if (inside & (chosen[..., 1:] != chosen[..., :-1])).any():
            return "a word is chosen in part"
        if rate == 1 and ((word_ids >= 0) & ~chosen).any():
            return "a word is left out although `rate` is 1"
        if rate == 0 and chosen.any():
            return "a word is chosen although `rate` is 0"
        choices = word_choices(word_ids, rate, chosen)
        return None if rate in (0, 1) or too_few(case, choices) else told(explanations(choices))


def words(rng: Rng, calls: int, rows: int, num_words: int, seq: int, gaps: bool = False) -> Tensor:
    """Rows of as many words, each of one piece or several side by side; -1 in front, behind, and between some words."""
    draws = rng.ids(calls * rows, seq - 1 - num_words, high=num_words + 2).tolist()
    return torch.tensor([_row_of_words(rng, num_words, more, gaps) for more in draws]).view(calls, rows, seq)


def _row_of_words(rng: Rng, num_words: int, more: list[int], gaps: bool) -> list[int]:
    """`more` says of each further place whose word it is: of none, it lies between two words or behind them all."""
    numbers = sorted(rng.permutation(4 * num_words)[:num_words]) if gaps else range(num_words)
    row = [-1]
    for place, number in enumerate(numbers):
        row += [number] * (1 + more.count(place))
        if place == num_words // 2:
            row += [-1] * more.count(num_words)
    return row + [-1] * more.count(num_words + 1)


def word_choices(word_ids: Tensor, rate: float, chosen: Tensor) -> Choices:
    """Draws of words, with what may go wrong. A word is where its first piece is; all are `(calls, batch, seq)`."""
    behind = torch.cat([torch.full_like(word_ids[..., :1], -1), word_ids[..., :-1]], dim=-1)
    first = (word_ids >= 0) & (word_ids != behind)
    pieces = (word_ids[..., :, None] == word_ids[..., None, :]).sum(-1)
    calls, rows, seq = word_ids.shape
    call = torch.arange(calls).view(-1, 1, 1).expand_as(word_ids)
    row = torch.arange(rows).view(-1, 1).expand_as(word_ids)
    ordinal, most = first.cumsum(-1), max(seq, int(word_ids.max())) + 1
    in_all = torch.tensor(rate, dtype=torch.float64) ** pieces
    of_pieces = rationed(chosen, first, rate * (word_ids >= 0).sum(-1))
    return Choices(
        chosen & first, first, rate, mended=False,
        rates={
            "each piece had a draw of its own, and one was enough for its word": 1 - (1 - rate) ** pieces,
            "each piece had a draw of its own, and a word needed all of them": in_all,
            "the share were taken of the pieces, not of the words": of_pieces,
        },
        shared={
            "one draw served a whole row": row + rows * call,
            "words of one number shared a draw across rows": word_ids + most * call,
            "the words at one place shared a draw across rows": ordinal + most * call,
            "the draws of one time came back the next time": ordinal + most * row,
        },
        hangs={
            "words of many pieces had another probability": pieces,
            "some places were likelier than others": ordinal,
            "some words were likelier than others": word_ids,
        },
    )


@exercise("dynamic_masks", lesson=LESSON, points=4, difficulty=2, minutes=10, builds_on=("choose_positions",))
class DynamicMasks(Positions):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(
            name: str, batch: int, seq: int, rate: float, num_epochs: int, weight: float = 1.0, share: float = 0.2,
            **more: Any,
        ) -> Case:
            ids = tokens(rng, batch, seq, special_ids=special_ids, vocab_size=15, share=share)
            asked = {"ids": ids, "special_ids": special_ids, "rate": rate, "num_epochs": num_epochs}
            return Case(name, asked | {"seed": rng.integer(0, 2**31)} | more, weight)

        special_ids = [0, 1, 2, 3, 4]
        yield case("a few epochs", 8, 13, 0.4, 3, weight=2)
        yield case("one epoch", 4, 9, 0.3, 1)
        bare = tokens(rng, 4, 6, special_ids=special_ids, vocab_size=15)
        bare[1], bare[3, 1:] = rng.ids(6, high=5), 2
        yield case("a row of specials only", 4, 6, 0.3, 5, ids=bare)
        yield case("rate 1", 3, 7, 1.0, 4)
        yield case("a batch of one", 1, 7, 0.3, 5)
        yield case("one token", 1, 1, 0.3, 4, ids=torch.tensor([[9]]))
        yield case("as many epochs as rows and tokens", 6, 6, 0.3, 6)
        layout = strided(tokens(rng, 4, 7, special_ids=special_ids, vocab_size=15))
        yield case("another layout in memory", 4, 7, 0.3, 3, ids=layout)
        yield case("many epochs", 8, 14, 0.3, 40, weight=3)
        yield case("many epochs of short rows", 10, 6, 0.15, 60, weight=3, share=0.3)
        yield case("rate 0", 8, 7, 0.0, 50, weight=2)
        yield case("the generator alone decides", 6, 9, 0.5, 5, weight=2, repeat=True)

    def drive(
        self, answer: Any, ids: Tensor, special_ids: list[int], rate: float, num_epochs: int, seed: int,
        repeat: bool = False,
    ) -> dict[str, Any]:
        like = ids.expand(1, num_epochs, *ids.shape)

        def draw(generator: torch.Generator) -> dict[str, Any]:
            found = stacked([answer(ids, special_ids, rate, num_epochs, generator)], like, torch.bool, "chosen")
            return {"chosen": found[0]}

        return drawn_by(draw, ids.device, seed, repeat)

    def like(self, case: Case) -> Tensor:
        ids: Tensor = case.inputs["ids"]
        return ids.expand(case.inputs["num_epochs"], *ids.shape)

    def rows_problem(self, case: Case, outputs: Mapping[str, Any]) -> str | None:
        asked, chosen = case.inputs, outputs["chosen"].cpu()
        choices = token_choices(self.like(case), asked["special_ids"], asked["rate"], chosen)
        problem = impossible(choices)
        if problem or asked["rate"] == 1:
            return problem
        epochs = len(chosen)
        pairs = epochs * (epochs - 1) / 2
        if pairs * collision(choices) < 1e-10 and len(chosen.flatten(1).unique(dim=0)) < epochs:
            return "two epochs have the same mask"
        if too_few(case, choices):
            return None
        moved = {
            "the mask of the epoch before moved along the rows": (0, 1),
            "the mask of the epoch before moved back along the rows": (0, -1),
            "the mask of the epoch before went to the next row": (1, 0),
            "the mask of the epoch before went to the row before": (-1, 0),
        }
        return told(explanations(replace(choices, hangs={name: choices.before(*by) for name, by in moved.items()})))
