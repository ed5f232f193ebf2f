"""Lesson 05: attention inside a decoder, and how far its weights are from an alignment made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from autograder.drive import load_weights, parts
from autograder.exercise import Case, Exercise, Rng, exercise
from autograder.exercises.attention import F32, F64, LESSON, NORMALISED, in_other_layout


def decoder(
    rng: Rng, vocab_size: int, d_embed: int, d_hidden: int, d_encoder: int, gain: float = 1.0
) -> dict[str, Tensor]:
    """Weights of a `BahdanauDecoder`, by name."""
    d_in, d_out = d_embed + d_encoder, d_hidden + d_encoder + d_embed
    return {
        "embedding.weight": rng.normal(vocab_size, d_embed, scale=1.2),
        "W_q.weight": rng.normal(d_hidden, d_hidden, scale=1.5 * gain * d_hidden**-0.5),
        "W_k.weight": rng.normal(d_hidden, d_encoder, scale=1.5 * gain * d_encoder**-0.5),
        "v.weight": rng.normal(1, d_hidden, scale=1.5 * gain),
        "rnn.weight_ih": rng.normal(3 * d_hidden, d_in, scale=gain * d_in**-0.5),
        "rnn.weight_hh": rng.normal(3 * d_hidden, d_hidden, scale=1.3 * gain * d_hidden**-0.5),
        "rnn.bias_ih": rng.normal(3 * d_hidden, scale=0.5),
        "rnn.bias_hh": rng.normal(3 * d_hidden, scale=0.5),
        "output.weight": rng.normal(vocab_size, d_out, scale=2.0 * d_out**-0.5),
        "output.bias": rng.normal(vocab_size),
    }


@exercise(
    "BahdanauDecoder", lesson=LESSON, points=8, difficulty=4, minutes=40, builds_on=("masked_softmax", "additive_score")
)
class Decoder(Exercise):
    sizes = (11, 3, 5, 4)
    """vocab_size, d_embed, d_hidden, d_encoder."""

    def cases(self, rng: Rng) -> Iterator[Case]:
        weights = decoder(rng, *self.sizes)

        def case(name: str, inputs: dict[str, Any], weight: float = 1.0, **more: Any) -> Case:
            return Case(name, inputs, weight, tolerance=NORMALISED, **more)

        yield case("one step", self._inputs(rng, weights, 3, 6), weight=2)
        yield case("several steps", self._inputs(rng, weights, 2, 5, steps=4), weight=2)
        yield case("padding is hidden, whatever stands there", self._padded(rng, weights), weight=2)
        yield case("nothing is padded", self._inputs(rng, weights, 3, 4, lengths=[4, 4, 4]))
        yield case("a sentence of padding alone", self._inputs(rng, weights, 3, 5, lengths=[4, 0, 5]))
        yield case("gaps in the mask", self._inputs(rng, weights, 2, 6) | {"mask": self._gaps()})
        yield case("large weights", self._inputs(rng, decoder(rng, *self.sizes, gain=4.0), 3, 5, steps=3))
        another = {"later": rng.normal(2, 5, 4)}
        yield case("two sentences, one after the other", self._inputs(rng, weights, 2, 5) | another)
        yield case("training and evaluation agree", self._inputs(rng, weights, 2, 4) | {"twice": True})
        yield case("a batch of one", self._inputs(rng, weights, 1, 4, steps=2, lengths=[3]))
        yield case("one source word", self._inputs(rng, weights, 3, 1, lengths=[1, 1, 1]))
        one = self._inputs(rng, decoder(rng, 3, 1, 1, 1), 2, 3)
        yield case("one number everywhere", one)
        equal = self._inputs(rng, decoder(rng, 4, 4, 4, 4), 4, 4, steps=4)
        yield case("all sizes equal", equal)
        yield Case("float32 stays float32", self._in_float32(self._inputs(rng, weights, 2, 5, steps=2)))
        layout = in_other_layout(self._inputs(rng, weights, 3, 5, steps=2))
        yield case("another layout in memory", layout)
        learn = self._inputs(rng, weights, 3, 5, steps=3, low=1)
        wanted = ("weights", "state", "encoder_outputs")
        yield case("gradients reach every weight", learn, weight=2, gradients=wanted)
        empty = self._inputs(rng, weights, 3, 5, lengths=[3, 0, 5], low=1)
        yield case("gradients, with a sentence of padding alone", empty, gradients=wanted)

    def _inputs(
        self, rng: Rng, weights: dict[str, Tensor], batch: int, n_k: int, steps: int = 1,
        lengths: list[int] | None = None, low: int = 0,
    ) -> dict[str, Any]:
        vocab_size, d_hidden = weights["output.weight"].shape[0], weights["W_q.weight"].shape[0]
        real = rng.ids(batch, low=max(1, n_k // 2), high=n_k) if lengths is None else torch.tensor(lengths)
        # Id 0 stays out where gradients are asked for: an embedding with padding_idx=0 has the same ones then.
        return {
            "weights": weights,
            "ids": rng.ids(batch, steps, low=low, high=vocab_size),
            "state": rng.normal(batch, d_hidden),
            "encoder_outputs": rng.normal(batch, n_k, weights["W_k.weight"].shape[1], scale=1.5),
            "mask": torch.arange(n_k) < real[:, None],
        }

    def _padded(self, rng: Rng, weights: dict[str, Tensor]) -> dict[str, Any]:
        found = self._inputs(rng, weights, 3, 7, steps=2, lengths=[3, 7, 5])
        found["encoder_outputs"][~found["mask"]] *= 1e6
        return found

    def _gaps(self) -> Tensor:
        return torch.tensor([[False, True, True, False, True, False], [True, False, False, True, False, True]])

    def _in_float32(self, found: dict[str, Any]) -> dict[str, Any]:
        weights = {name: weight.to(F32) for name, weight in found["weights"].items()}
        rows = {name: found[name].to(F32) for name in ("state", "encoder_outputs")}
        return found | rows | {"weights": weights}

    def drive(
        self, answer: Any, weights: dict[str, Tensor], ids: Tensor, state: Tensor, encoder_outputs: Tensor,
        mask: Tensor, later: Tensor | None = None, twice: bool = False,
    ) -> dict[str, Any]:
        (vocab_size, d_embed), (d_hidden, d_encoder) = weights["embedding.weight"].shape, weights["W_k.weight"].shape
        model = load_weights(answer(vocab_size, d_embed, d_hidden, d_encoder), weights)
        given = ids[:, 0], state, encoder_outputs, mask
        if twice:
            return {"training": self._step(model.train(), *given), "evaluation": self._step(model.eval(), *given)}
        if later is not None:
            first = self._step(model, *given)
            return {"first sentence": first, "second sentence": self._step(model, *given[:2], later, mask)}
        logits, looked = [], []
        for column in ids.unbind(dim=1):
            found = self._step(model, column, state, encoder_outputs, mask)
            state = found["state"]
            logits.append(found["logits"])
            looked.append(found["weights"])
        return {"logits of each step": logits, "weights of each step": looked, "last state": state}

    def _step(self, model: Any, *given: Tensor) -> dict[str, Any]:
        return parts(model.step(*given), "logits", "state", "weights")


@exercise("luong_output", lesson=LESSON, points=2, difficulty=1, minutes=5)
class LuongOutput(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("state and context of different width", self._inputs(rng, 3, 5, 2), weight=2)
        yield Case("a wide context", self._inputs(rng, 2, 3, 7))
        yield Case("state and context of one width", self._inputs(rng, 3, 4, 4))
        yield Case("huge inputs stay finite", self._inputs(rng, 2, 4, 3, scale=1000.0))
        yield Case("a batch of one", self._inputs(rng, 1, 4, 3))
        yield Case("one number each", self._inputs(rng, 3, 1, 1))
        yield Case("batch, state and context of one size", self._inputs(rng, 4, 4, 4))
        yield Case("float32 stays float32", self._inputs(rng, 2, 5, 3, dtype=F32))
        yield Case("another layout in memory", in_other_layout(self._inputs(rng, 4, 3, 5)))
        yield Case("gradients reach every input", self._inputs(rng, 3, 4, 5), weight=2, gradients=True)

    def _inputs(
        self, rng: Rng, batch: int, d_h: int, d_c: int, scale: float = 1.0, dtype: torch.dtype = F64
    ) -> dict[str, Tensor]:
        return {
            "state": rng.normal(batch, d_h, dtype=dtype, scale=scale),
            "context": rng.normal(batch, d_c, dtype=dtype, scale=scale),
            "W_c": rng.normal(d_c + d_h, d_h, dtype=dtype, scale=(d_c + d_h) ** -0.5),
        }

    def drive(self, answer: Any, state: Tensor, context: Tensor, W_c: Tensor) -> dict[str, Any]:
        return {"output": answer(state, context, W_c)}


@exercise("alignment_error_rate", lesson=LESSON, points=4, difficulty=2, minutes=15)
class AlignmentErrorRate(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(name: str, *given: Any, weight: float = 1.0, **more: Any) -> Case:
            return Case(name, self._inputs(rng, *given, **more), weight)

        # Of the links found, so many are sure, possible only, and wrong; so many sure ones are missed.
        yield case("sure, possible and wrong links", 10, 7, 5, 2, 6, weight=2)
        yield case("more input words than output words", 5, 12, 2, 1, 6, weight=2)
        yield case("all possible links are sure", 8, 5, 3, 0, 4)
        yield case("no sure link at all", 6, 5, 0, 4, 0)
        yield case("every link is sure, none missed", 6, 6, 6, 0, 0)
        yield case("every link is sure, some missed", 5, 7, 5, 0, 3)
        yield case("every link is wrong", 6, 5, 0, 0, 4)
        yield case("nothing is sure or possible", 4, 6, 0, 0, 0, extra=0)
        yield case("one output word", 1, 5, 1, 0, 2)
        yield case("one input word", 6, 1, 2, 3, 0)
        yield case("as many output words as input words", 7, 7, 3, 2, 5)
        yield case("some weights are all small", 7, 6, 3, 2, 3, scale=0.01)
        yield case("float32", 8, 6, 3, 4, 5, dtype=F32)
        layout = in_other_layout(self._inputs(rng, 8, 6, 4, 2, 5))
        yield Case("another layout in memory", layout)

    def _inputs(
        self, rng: Rng, n_q: int, n_k: int, sure_hits: int, possible_hits: int, missed: int, extra: int = 5,
        scale: float = 1.0, dtype: torch.dtype = F64,
    ) -> dict[str, Tensor]:
        """Weights whose links hit so many sure and so many possible ones; `missed` sure and `extra` possible others."""
        weights = scale * (rng.normal(n_q, n_k, scale=2.0).softmax(dim=-1))
        links, rows = weights.argmax(dim=-1), rng.permutation(n_q)
        sure, possible = torch.zeros(2, n_q, n_k, dtype=torch.bool)
        for row in rows[:sure_hits]:
            sure[row, links[row]] = True
        for row in rows[sure_hits : sure_hits + possible_hits]:
            possible[row, links[row]] = True
        others = [(row, column) for row in range(n_q) for column in range(n_k) if column != links[row]]
        order = [others[place] for place in rng.permutation(len(others))]
        for row, column in order[:missed]:
            sure[row, column] = True
        for row, column in order[missed : missed + extra]:
            possible[row, column] = True
        return {"weights": weights.to(dtype), "sure": sure, "possible": possible | sure}

    def drive(self, answer: Any, weights: Tensor, sure: Tensor, possible: Tensor) -> dict[str, Any]:
        rate = answer(weights, sure, possible)
        # numpy's float64 is a Python float as well, of a class of its own.
        return {"alignment error rate": float(rate) if isinstance(rate, float) else rate}
