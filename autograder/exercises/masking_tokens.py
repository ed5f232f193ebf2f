"""Lesson 07: what takes the place of the chosen tokens, by BERT's 80/10/10 and by ELECTRA's generator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from autograder.chance import better_explanations, copied, gains, last_alike, learned, winners
from autograder.drive import parts
from autograder.exercise import Case, Exercise, Rng, exercise, strided
from autograder.exercises.masking import LESSON
from autograder.exercises.masking_draws import drawn_by, generator_problem, stacked, table
from autograder.exercises.masking_positions import ENOUGH_DRAWS, tokens

F32, F64 = torch.float32, torch.float64


@exercise("mask_tokens", lesson=LESSON, points=6, difficulty=3, minutes=20)
class MaskTokens(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(
            name: str, size: tuple[int, ...], special_ids: list[int], vocab_size: int, weight: float = 1.0,
            rate: float = 0.5, **more: Any,
        ) -> Case:
            ids = tokens(rng, *size, special_ids=special_ids, vocab_size=vocab_size)
            ordinary = ~torch.isin(ids, torch.tensor(special_ids))
            chosen = ordinary & (rng.uniform(*size) < rate)
            asked = {
                "ids": ids, "chosen": chosen, "mask_id": special_ids[-1], "special_ids": special_ids,
                "vocab_size": vocab_size, "seed": rng.integer(0, 2**31),
            }
            return Case(name, asked | more, weight)

        bert, apart = [0, 1, 2, 4, 3], [1, 11, 2, 3, 9, 5, 6, 8, 4]
        layout = case("another layout in memory", (3, 4, 7), bert, 16)
        scattered = {name: strided(layout.inputs[name]) for name in ("ids", "chosen")}
        yield case("a few rows", (3, 4, 9), bert, 17, weight=2)
        yield case("no token chosen", (2, 3, 8), bert, 17, rate=0.0)
        yield case("every ordinary token chosen", (2, 3, 8), bert, 17, rate=1.0)
        yield case("a batch of one", (3, 1, 6), bert, 17)
        yield case("one token", (3, 1, 1), [2], 6, ids=torch.tensor([[[5]]] * 3), chosen=torch.tensor([[[True]]] * 3))
        yield case("as many rows as tokens", (2, 7, 7), bert, 19)
        yield Case(layout.name, dict(layout.inputs) | scattered)
        yield case("many tokens", (6, 32, 18), bert, 13, weight=3, rate=0.9)
        yield case("few ordinary ids, specials far apart", (8, 50, 20), apart, 13, weight=2, rate=1.0)
        yield case("two ordinary ids", (5, 40, 20), [0, 2, 3, 5, 4], 7, weight=2, rate=0.9)
        yield case("few tokens chosen at a time", (70, 3, 7), bert, 13, weight=2, rate=0.12)
        yield case("the generator alone decides", (4, 12, 12), bert, 20, weight=2, rate=0.9, repeat=True)

    def drive(
        self, answer: Any, ids: Tensor, chosen: Tensor, mask_id: int, special_ids: list[int], vocab_size: int,
        seed: int, repeat: bool = False,
    ) -> dict[str, Any]:
        def draw(generator: torch.Generator) -> dict[str, Any]:
            found = [
                parts(answer(*batch, mask_id, special_ids, vocab_size, generator), "inputs", "labels")
                for batch in zip(ids, chosen, strict=True)
            ]
            return {k: stacked([one[k] for one in found], ids, torch.int64, k) for k in ("inputs", "labels")}

        return drawn_by(draw, ids.device, seed, repeat)

    def verify(self, case: Case, outputs: dict[str, Any]) -> list[str]:
        """Labels and what is impossible first, then bets on the shares and on the random ids, then the generator.

        A right answer is rejected with probability below 1e-5: at most 25 bets at `chance.FALSE_ALARM` in each of at
        most five cases, and the same draws twice by chance: 0.65 to the power of the chosen tokens, of which there
        are over 200.
        """
        problem = _masking_form(case, outputs) or _masking_problem(case, outputs)
        if problem is None and case.inputs.get("repeat"):
            problem = generator_problem(outputs, lambda run: _masking_form(case, run), _same_inputs)
        return [] if problem is None else [problem]


def _masking_form(case: Case, outputs: Mapping[str, Any]) -> str | None:
    for name in ("inputs", "labels"):
        if table(outputs.get(name), case.inputs["ids"], torch.int64) is None:
            return f"`{name}` is not a tensor of torch.int64 with the shape of `ids`"
    return None


def _same_inputs(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return torch.equal(one["inputs"], other["inputs"])


def _masking_problem(case: Case, outputs: Mapping[str, Any]) -> str | None:
    asked, inputs, labels = case.inputs, outputs["inputs"].cpu(), outputs["labels"].cpu()
    ids, chosen = asked["ids"], asked["chosen"]
    put = inputs[chosen]
    impossible = {
        "a position that is not chosen has a label other than -100": labels[~chosen] != -100,
        "a chosen position has the label -100": labels[chosen] == -100,
        "the label of a chosen position is not its original id": labels[chosen] != ids[chosen],
        "a token that is not chosen is changed": inputs[~chosen] != ids[~chosen],
        "an id outside the vocabulary is put in": (put < 0) | (put >= asked["vocab_size"]),
        "a special token other than `mask_id` is put in": (
            torch.isin(put, torch.tensor(asked["special_ids"])) & (put != asked["mask_id"])
        ),
    }
    found = next((name for name, where in impossible.items() if where.any()), None)
    if found or len(put) < MIN_CHOSEN or asked.get("repeat"):
        return found
    won = winners(_kind_bets(asked, put) | _random_id_bets(asked, put), vague=_VAGUE)
    return f"what is put in is not drawn as it should be: it looks as if {won[0]}" if won else None


MIN_CHOSEN = 90
"""With fewer chosen tokens, hardly a bet can be won."""

_VAGUE = (
    "the shares were not 80, 10 and 10 in a hundred",
    "some ordinary ids came more often than others",
    "the random id hung on the original",
    "what becomes of a token hung on the one before",
    "what becomes of a token hung on its place",
)
"""Rivals that learn from the draws."""

MASKED, SAME, OTHER = 0, 1, 2


def _shares(*ways: tuple[float, float, float], num_ordinary: int) -> Tensor:
    """Probabilities of MASKED, SAME and OTHER where so many are masked, replaced by an ordinary id, and kept."""
    masked, replaced, kept = torch.tensor(ways, dtype=F64).unbind(1)
    return torch.stack([masked, kept + replaced / num_ordinary, replaced * (1 - 1 / num_ordinary)], dim=1)


def _keys(chosen: Tensor, ids: Tensor) -> dict[str, Tensor]:
    """What draws may share, as keys of the chosen tokens."""
    call, row, column = chosen.nonzero().T
    _, rows, seq = chosen.shape
    mine = ids[chosen]
    return {
        "one draw served a whole row": row + rows * call,
        "the rows of a batch shared their draws": column + seq * call,
        "one draw served a whole batch": call,
        "equal tokens shared one draw": mine + (int(ids.max()) + 1) * call,
        "the draws of one time came back the next time": column + seq * row,
    }


def _kind_bets(asked: Mapping[str, Any], put: Tensor) -> dict[str, float]:
    """Bets on which tokens are masked, kept, or replaced by another."""
    original, num_ordinary = asked["ids"][asked["chosen"]], asked["vocab_size"] - len(asked["special_ids"])
    kind = torch.where(put == asked["mask_id"], MASKED, torch.where(put == original, SAME, OTHER))

    def of(*ways: tuple[float, float, float]) -> Tensor:
        return _shares(*ways, num_ordinary=num_ordinary)[:, kind].log()

    log_p = of((0.8, 0.1, 0.1))[0]
    rivals = {
        "every chosen token were masked": of((1, 0, 0)),
        "no chosen token were kept as it is": of((0.8, 0.2, 0), (0.9, 0.1, 0), (8 / 9, 1 / 9, 0)),
        "no chosen token were replaced by a random one": of((0.8, 0, 0.2), (0.9, 0, 0.1), (8 / 9, 0, 1 / 9)),
        "a tenth of the rest were replaced, not a tenth of the chosen": of((0.8, 0.02, 0.18), (0.8, 0.18, 0.02)),
        "one draw overwrote what another had done": of((0.72, 0.1, 0.18), (0.72, 0.18, 0.1), (0.72, 0.08, 0.2)),
        "the three shares were swapped": of((0.1, 0.8, 0.1), (0.1, 0.1, 0.8)),
        "the random token were never the original": torch.tensor([0.8, 0.1, 0.1], dtype=F64)[kind].log(),
        _VAGUE[0]: learned(kind, 3),
    }
    call, _, column = asked["chosen"].nonzero().T
    rivals |= {
        _VAGUE[3]: learned(kind, 3, last_alike(kind, call) + 1),
        _VAGUE[4]: learned(kind, 3, 4 * column // asked["ids"].shape[2]),
    }
    keys = _keys(asked["chosen"], asked["ids"])
    return gains(log_p, rivals | {name: copied(kind, log_p, last_alike(kind, key)) for name, key in keys.items()})


def _random_id_bets(asked: Mapping[str, Any], put: Tensor) -> dict[str, float]:
    """Bets on which id it is, where one was drawn that is neither `mask_id` nor the original."""
    original, chosen = asked["ids"][asked["chosen"]], asked["chosen"]
    other = (put != asked["mask_id"]) & (put != original)
    ordinary = torch.tensor([i for i in range(asked["vocab_size"]) if i not in asked["special_ids"]])
    if len(ordinary) < 3:
        return {}
    drawn, before = (torch.searchsorted(ordinary, x[other].contiguous()) for x in (put, original))
    last = len(ordinary) - 1
    log_p = torch.full(drawn.shape, float(last), dtype=F64).log().neg()

    def weighted(weights: Tensor) -> Tensor:
        """Each id is as likely as it weighs; one row of weights for each way."""
        return (weights[:, drawn] / (weights.sum(1, keepdim=True) - weights[:, before])).log()

    each = torch.eye(len(ordinary), dtype=F64)
    rivals = {
        "the first of the ordinary ids never came": weighted(1 - each[:1]),
        "the last of the ordinary ids never came": weighted(1 - each[-1:]),
        "the first and the last of the ordinary ids came half as often": weighted(1 - 0.5 * (each[:1] + each[-1:])),
        "one of the ordinary ids came more often than the others": weighted(torch.cat([1 + each, 1 + 3 * each])),
        _VAGUE[1]: learned(drawn, len(ordinary)),
        _VAGUE[2]: learned(drawn, len(ordinary), before),
    }
    shared = {
        f"{name}, as to the random ids": copied(drawn, log_p, last_alike(drawn, key[other]))
        for name, key in _keys(chosen, asked["ids"]).items()
    }
    return gains(log_p, rivals | shared)


@exercise("replace_tokens", lesson=LESSON, points=4, difficulty=3, minutes=15)
class ReplaceTokens(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(
            name: str, size: tuple[int, ...], vocab_size: int, weight: float = 1.0, rate: float = 0.5,
            scale: float = 1.5, dtype: torch.dtype = F64, **more: Any,
        ) -> Case:
            ids, chosen = rng.ids(*size, high=vocab_size), rng.uniform(*size) < rate
            logits = rng.normal(*size, vocab_size, scale=scale)
            # The original is as often a likely id as not, so that a sample may well be equal to it.
            logits.scatter_add_(-1, ids[..., None], scale * 2.0 * (rng.ids(*size, 1, high=2)).double())
            asked = {"ids": ids, "chosen": chosen, "generator_logits": logits.to(dtype), "seed": rng.integer(0, 2**31)}
            return Case(name, asked | more, weight)

        layout = case("another layout in memory", (2, 5, 6), 7)
        scattered = {name: strided(layout.inputs[name]) for name in ("ids", "chosen", "generator_logits")}
        flat = (rng.normal(7) + 3.0 * (torch.arange(7) == rng.integer(0, 7))).expand(6, 24, 16, 7).contiguous()
        yield case("a few rows", (2, 4, 7), 9, weight=2)
        yield case("logits that leave no choice", (2, 5, 6), 8, weight=2, scale=1e5)
        yield case("huge logits in float32", (2, 4, 6), 7, scale=1e6, dtype=F32)
        yield case("no token chosen", (2, 3, 6), 8, rate=0.0)
        yield case("every token chosen", (2, 3, 6), 8, rate=1.1)
        yield case("a batch of one", (3, 1, 6), 8)
        yield case("one token", (4, 1, 1), 5, rate=1.1)
        yield case("all sizes equal", (5, 5, 5), 5)
        yield case("float32", (2, 4, 6), 9, dtype=F32)
        yield Case(layout.name, dict(layout.inputs) | scattered)
        yield case("many tokens", (6, 24, 16), 9, weight=3, rate=0.6)
        yield case("the same logits everywhere", (6, 24, 16), 7, weight=2, rate=0.5, generator_logits=flat)
        yield case("the generator alone decides", (3, 12, 12), 20, weight=2, rate=0.7, scale=0.7, repeat=True)

    def drive(
        self, answer: Any, ids: Tensor, chosen: Tensor, generator_logits: Tensor, seed: int, repeat: bool = False
    ) -> dict[str, Any]:
        def draw(generator: torch.Generator) -> dict[str, Any]:
            found = [
                parts(answer(*batch, generator), "inputs", "is_replaced")
                for batch in zip(ids, chosen, generator_logits, strict=True)
            ]
            return {
                "inputs": stacked([one["inputs"] for one in found], ids, torch.int64, "inputs"),
                "is_replaced": stacked([one["is_replaced"] for one in found], ids, torch.bool, "is_replaced"),
            }

        return drawn_by(draw, ids.device, seed, repeat)

    def verify(self, case: Case, outputs: dict[str, Any]) -> list[str]:
        """What is impossible first, then bets on the samples, then the generator.

        A right answer is rejected with probability below 1e-5: at most 15 bets at `chance.FALSE_ALARM` in each of
        three cases, samples of probability below e^-60 nowhere, and the same samples twice by chance, far rarer than
        1e-9 over the hundreds of tokens that are compared.
        """
        problem = _replacing_form(case, outputs) or _replacing_problem(case, outputs)
        if problem is None and case.inputs.get("repeat"):
            problem = generator_problem(outputs, lambda run: _replacing_form(case, run), _same_inputs)
        return [] if problem is None else [problem]


def _replacing_form(case: Case, outputs: Mapping[str, Any]) -> str | None:
    for name, dtype in (("inputs", torch.int64), ("is_replaced", torch.bool)):
        if table(outputs.get(name), case.inputs["ids"], dtype) is None:
            return f"`{name}` is not a tensor of {dtype} with the shape of `ids`"
    return None


def _replacing_problem(case: Case, outputs: Mapping[str, Any]) -> str | None:
    asked, inputs, replaced = case.inputs, outputs["inputs"].cpu(), outputs["is_replaced"].cpu()
    ids, chosen, logits = asked["ids"], asked["chosen"], asked["generator_logits"].double()
    put = inputs[chosen]
    if (inputs != ids)[~chosen].any():
        return "a token that is not chosen is changed"
    if ((put < 0) | (put >= logits.shape[-1])).any():
        return "an id outside the vocabulary is put in"
    if (replaced & ~chosen).any():
        return "a token that is not chosen is said to be replaced"
    if (replaced & (inputs == ids)).any():
        return "a sample that is equal to the original is said to be replaced"
    if (~replaced & (inputs != ids)).any():
        return "a token that was replaced by another is not said to be"
    log_p = logits[chosen].log_softmax(-1)
    if (log_p.gather(1, put[:, None]) < -60).any():
        return "an id is put in whose probability under softmax(generator_logits) is next to nothing"
    if len(put) < ENOUGH_DRAWS or asked.get("repeat"):
        return None
    found = better_explanations(put, log_p, _sampling_rivals(asked, logits, log_p)) or _sharing(asked, put, log_p)
    manner = next((name for name in found if name != "something else"), "other probabilities were used")
    return f"the samples do not follow softmax(generator_logits): it looks as if {manner}" if found else None


def _sampling_rivals(asked: Mapping[str, Any], logits: Tensor, log_p: Tensor) -> dict[str, Tensor]:
    ids, chosen = asked["ids"], asked["chosen"]
    mine, original = logits[chosen], ids[chosen][:, None]
    likeliest = torch.where(mine == mine.amax(1, True), 0.0, -torch.inf)
    rivals = {
        "the likeliest id were always taken": likeliest,
        "every id were as likely as any other": torch.zeros_like(mine),
        "the original were never drawn": mine.scatter(1, original, -torch.inf),
        "a sample equal to the original were drawn again": log_p.scatter_add(1, original, log_p.gather(1, original)),
        "the original came more often than it should": mine.scatter_add(1, original, torch.ones_like(mine)),
        "the original came less often than it should": mine.scatter_add(1, original, torch.full_like(mine, -0.7)),
        "softmax were taken twice": log_p.exp(),
        "logits of the position before were used": logits.roll(1, 2)[chosen],
        "logits of the position behind were used": logits.roll(-1, 2)[chosen],
        "the logits were flattened": 0.5 * mine,
        "the logits were sharpened": 2.0 * mine,
        "unlikely ids were left out": mine.masked_fill(mine < mine.topk(3).values[:, -1:], -torch.inf),
    }
    return {name: rival.log_softmax(-1) for name, rival in rivals.items()}


def _sharing(asked: Mapping[str, Any], put: Tensor, log_p: Tensor) -> list[str]:
    mine = log_p.gather(1, put[:, None])[:, 0]
    keys = _keys(asked["chosen"], asked["ids"])
    return winners(gains(mine, {name: copied(put, mine, last_alike(put, key)) for name, key in keys.items()}))
