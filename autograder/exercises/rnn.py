"""Lesson 02: the recurrent network from scratch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from autograder.drive import load_weights, parts
from autograder.errors import AnswerError
from autograder.exercise import Case, Exercise, Rng, exercise, strided
from autograder.exercises.rnn_probe import ProbeModel, form_problem, greedy_problem, same_weights, sampling_problem

F32, F64 = torch.float32, torch.float64


def cell(rng: Rng, d_in: int, d_h: int, gain: float = 1.0, dtype: torch.dtype = F64) -> dict[str, Tensor]:
    """Random weights of a recurrent cell, biases included."""
    return {
        "W_xh": rng.normal(d_in, d_h, dtype=dtype, scale=gain * d_in**-0.5),
        "W_hh": rng.normal(d_h, d_h, dtype=dtype, scale=gain * d_h**-0.5),
        "b_h": rng.normal(d_h, dtype=dtype, scale=0.7),
    }


def sequence(
    rng: Rng, batch: int, seq: int, d_in: int, d_h: int, gain: float = 1.0, dtype: torch.dtype = F64
) -> dict[str, Tensor]:
    """Inputs of `rnn_forward`."""
    start = {"x": rng.normal(batch, seq, d_in, dtype=dtype), "h_0": rng.normal(batch, d_h, dtype=dtype)}
    return start | cell(rng, d_in, d_h, gain, dtype)


def gentle(rng: Rng, batch: int, seq: int, d_in: int, d_h: int) -> dict[str, Tensor]:
    """Inputs of `rnn_forward` with small states and an orthogonal W_hh: a gradient neither vanishes nor explodes."""
    found = {name: 0.05 * tensor for name, tensor in sequence(rng, batch, seq, d_in, d_h).items()}
    return found | {"W_hh": torch.linalg.qr(rng.normal(d_h, d_h))[0]}


def language_model(rng: Rng, vocab_size: int, d_embed: int, d_hidden: int, gain: float = 1.0) -> dict[str, Tensor]:
    """Weights of an `RNNLanguageModel`, by name."""
    return {
        "embedding.weight": rng.normal(vocab_size, d_embed),
        **cell(rng, d_embed, d_hidden, gain),
        "output.weight": rng.normal(vocab_size, d_hidden, scale=3.0 * d_hidden**-0.5),
        "output.bias": rng.normal(vocab_size),
    }


def remembering(rng: Rng, vocab_size: int, d_embed: int, d_hidden: int) -> dict[str, Tensor]:
    """Weights of an `RNNLanguageModel` whose state keeps turning, so that ids read long ago still count.

    Its probabilities are neither flat nor steep: then a wrong temperature, and leaving out unlikely ids, show soonest.
    """
    weights = language_model(rng, vocab_size, d_embed, d_hidden)
    turning = {"W_hh": 2.0 * torch.linalg.qr(rng.normal(d_hidden, d_hidden))[0], "b_h": 0.3 * weights["b_h"]}
    return weights | turning | {name: 0.65 * weights[name] for name in ("output.weight", "output.bias")}


def torch_rnn(rng: Rng, vocab_size: int, d_embed: int, d_hidden: int, num_out: int) -> dict[str, Tensor]:
    """Weights of a model of an embedding, an nn.RNN and an output layer, by name."""
    return {
        "embedding.weight": rng.normal(vocab_size, d_embed, scale=1.2),
        "rnn.weight_ih_l0": rng.normal(d_hidden, d_embed, scale=d_embed**-0.5),
        "rnn.weight_hh_l0": rng.normal(d_hidden, d_hidden, scale=1.3 * d_hidden**-0.5),
        "rnn.bias_ih_l0": rng.normal(d_hidden, scale=0.5),
        "rnn.bias_hh_l0": rng.normal(d_hidden, scale=0.5),
        "output.weight": rng.normal(num_out, d_hidden),
        "output.bias": rng.normal(num_out),
    }


def in_float32(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.to(F32) for name, tensor in tensors.items()}


@exercise("rnn_step", lesson="02_rnn", points=4, difficulty=1, minutes=5)
class RNNStep(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("one step", self._inputs(rng, 3, 5, 7), weight=2)
        yield Case("large inputs saturate", self._inputs(rng, 2, 6, 4, gain=6.0))
        yield Case("huge inputs stay finite", self._inputs(rng, 3, 4, 5, gain=2000.0))
        yield Case("a batch of one", self._inputs(rng, 1, 2, 3))
        yield Case("one input, one hidden unit", self._inputs(rng, 4, 1, 1))
        yield Case("batch, input and state of one size", self._inputs(rng, 4, 4, 4))
        yield Case("float32 stays float32", self._inputs(rng, 4, 3, 6, dtype=F32))
        scattered = {name: strided(value) for name, value in self._inputs(rng, 5, 3, 2).items()}
        yield Case("another layout in memory", scattered)
        yield Case("gradients reach every input", self._inputs(rng, 3, 4, 6), weight=2, gradients=True)

    def _inputs(
        self, rng: Rng, batch: int, d_in: int, d_h: int, gain: float = 1.0, dtype: torch.dtype = F64
    ) -> dict[str, Tensor]:
        rows = {"x_t": rng.normal(batch, d_in, dtype=dtype), "h_prev": rng.normal(batch, d_h, dtype=dtype)}
        return rows | cell(rng, d_in, d_h, gain, dtype)

    def drive(
        self, answer: Any, x_t: Tensor, h_prev: Tensor, W_xh: Tensor, W_hh: Tensor, b_h: Tensor
    ) -> dict[str, Any]:
        return {"h_t": answer(x_t, h_prev, W_xh, W_hh, b_h)}


@exercise("rnn_forward", lesson="02_rnn", points=4, difficulty=2, minutes=10, builds_on=("rnn_step",))
class RNNForward(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("a short sequence", sequence(rng, 3, 4, 5, 7), weight=2)
        yield Case("a long sequence with large weights", sequence(rng, 2, 30, 3, 6, gain=1.8))
        yield Case("one step", sequence(rng, 3, 1, 2, 5))
        yield Case("a batch of one", sequence(rng, 1, 6, 4, 3))
        yield Case("batch, steps, input and state of one size", sequence(rng, 4, 4, 4, 4))
        yield Case("float32 stays float32", sequence(rng, 4, 3, 2, 6, dtype=F32))
        yield Case("another layout in memory", {k: strided(v) for k, v in sequence(rng, 3, 5, 2, 4).items()})
        yield Case("gradients reach every input", sequence(rng, 2, 7, 3, 5, gain=1.2), weight=2, gradients=True)
        yield Case("a gradient that travels far", gentle(rng, 2, 60, 3, 5), gradients=True)

    def drive(self, answer: Any, x: Tensor, h_0: Tensor, W_xh: Tensor, W_hh: Tensor, b_h: Tensor) -> dict[str, Any]:
        return parts(answer(x, h_0, W_xh, W_hh, b_h), "outputs", "h_last")


@exercise("rnn_backward", lesson="02_rnn", points=8, difficulty=5, minutes=40)
class RNNBackward(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield Case("a short sequence", self._inputs(rng, 3, 4, 5, 7), weight=2)
        yield Case("one step", self._inputs(rng, 3, 1, 2, 5))
        yield Case("a batch of one", self._inputs(rng, 1, 6, 4, 3))
        yield Case("the loss looks at the last state only", self._last_only(self._inputs(rng, 2, 5, 3, 6)))
        yield Case("a gradient that travels far", self._gentle(rng, 2, 60, 3, 5), weight=2)
        yield Case("batch, steps, input and state of one size", self._inputs(rng, 4, 4, 4, 4))
        yield Case("states that no forward pass of mine gave", self._given_states(rng, 3, 5, 4, 6))
        yield Case("float32 stays float32", {k: v.to(F32) for k, v in self._inputs(rng, 4, 3, 2, 6).items()})
        yield Case("another layout in memory", {k: strided(v) for k, v in self._inputs(rng, 3, 5, 2, 4).items()})

    def _inputs(self, rng: Rng, batch: int, seq: int, d_in: int, d_h: int) -> dict[str, Tensor]:
        given = sequence(rng, batch, seq, d_in, d_h)
        bias = given.pop("b_h")
        weights = [given["W_xh"].T.contiguous(), given["W_hh"].T.contiguous(), bias, torch.zeros_like(bias)]
        outputs, _ = torch.rnn_tanh(given["x"], given["h_0"][None], weights, True, 1, 0.0, False, False, True)
        return given | {"outputs": outputs, "grad_outputs": rng.normal(batch, seq, d_h)}

    def _last_only(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        grad = torch.zeros_like(inputs["grad_outputs"])
        grad[:, -1] = inputs["grad_outputs"][:, -1]
        return inputs | {"grad_outputs": grad}

    def _given_states(self, rng: Rng, batch: int, seq: int, d_in: int, d_h: int) -> dict[str, Tensor]:
        states = rng.uniform(batch, seq, d_h, low=-0.9, high=0.9)
        return self._inputs(rng, batch, seq, d_in, d_h) | {"outputs": states}

    def _gentle(self, rng: Rng, batch: int, seq: int, d_in: int, d_h: int) -> dict[str, Tensor]:
        """Small states and an orthogonal W_hh: after many steps the gradient is neither gone nor beyond measure."""
        inputs = self._given_states(rng, batch, seq, d_in, d_h)
        W_hh, _ = torch.linalg.qr(rng.normal(d_h, d_h))
        return self._last_only(inputs) | {"outputs": 0.3 * inputs["outputs"], "W_hh": W_hh}

    def drive(
        self, answer: Any, x: Tensor, h_0: Tensor, outputs: Tensor, grad_outputs: Tensor, W_xh: Tensor, W_hh: Tensor
    ) -> dict[str, Any]:
        with torch.inference_mode():
            found = answer(x, h_0, outputs, grad_outputs, W_xh, W_hh)
        if not isinstance(found, dict):
            raise AnswerError(f"expected a dict of gradients, got {type(found).__name__}")
        wanted = ("x", "h_0", "W_xh", "W_hh", "b_h")
        missing = [name for name in wanted if name not in found]
        if missing:
            raise AnswerError(f"the dict has no gradient for {', '.join(missing)}")
        return {f"gradient of {name}": found[name] for name in wanted}


@exercise("clip_gradients_", lesson="02_rnn", points=4, difficulty=2, minutes=10)
class ClipGradients(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def shapes(scale: float, dtype: torch.dtype = F64) -> list[Tensor]:
            return [rng.normal(*size, dtype=dtype, scale=scale) for size in ((3, 4), (5,), (2, 3, 2))]

        big, small = rng.normal(4, 3, scale=3.0), rng.normal(5, scale=0.01)
        equal = [g / torch.linalg.vector_norm(g) for g in shapes(1.0)]
        exact = [torch.tensor([3.0, 0.0], dtype=F64), torch.tensor([[-4.0]], dtype=F64)]
        knots = [rng.normal(), strided(rng.normal(4, 3)), strided(rng.normal(6)), rng.normal(1, 1, 1)]
        yield self._case("norm above the limit", shapes(2.0), 1.3, weight=2)
        yield self._case("norm below the limit", shapes(0.5), 40.0, weight=2)
        yield self._case("norm and limit below one", shapes(0.1), 0.2)
        yield self._case("norm below one, limit above", shapes(0.02), 1.5)
        yield self._case("norm and limit above one", shapes(20.0), 11.0)
        yield self._case("norm exactly at the limit", exact, 5.0)
        yield self._case("each below the limit, together above", equal, 1.2)
        yield self._case("one large, one small", [small, big], 2.0)
        yield self._case("tiny gradients, tinier limit", shapes(1e-10), 1e-10, unit=1e-10)
        yield self._case("tiny gradients, ordinary limit", shapes(1e-10), 1.0, unit=1e-10)
        yield self._case("gradients of zero", [torch.zeros(3, 2, dtype=F64), torch.zeros(4, dtype=F64)], 0.5)
        yield self._case("one tensor only", [rng.normal(3, 5)], 0.7)
        yield self._case("scalars and another layout in memory", knots, 0.9)
        yield self._case("float32 stays float32", shapes(2.0, F32), 1.7)

    def _case(
        self, name: str, gradients: list[Tensor], max_norm: float, weight: float = 1.0, unit: float = 1.0
    ) -> Case:
        asked = {"gradients": gradients, "max_norm": max_norm, "unit": unit}
        return Case(name, asked, weight, mutable=("gradients",))

    def drive(self, answer: Any, gradients: list[Tensor], max_norm: float, unit: float) -> dict[str, Any]:
        owned = list(gradients)  # these very tensors must change, whatever the answer does to the list
        norm = answer(gradients, max_norm)
        if unit == 1.0:
            return {"norm": norm, "gradients": owned}
        # Tolerances end at some absolute number, so tiny results are looked at through a lens.
        seen = norm / unit if isinstance(norm, Tensor) else norm
        return {f"norm / {unit}": seen, f"gradients / {unit}": [g / unit for g in owned]}


@exercise("last_valid_state", lesson="02_rnn", points=3, difficulty=2, minutes=8)
class LastValidState(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        yield self._case("unsorted lengths", rng.normal(5, 6, 3), [4, 1, 6, 2, 5], weight=2)
        yield self._case("every row is full", rng.normal(3, 4, 5), [4, 4, 4])
        yield self._case("every length is one", rng.normal(4, 5, 2), [1, 1, 1, 1])
        yield self._case("no row is full", rng.normal(3, 7, 2), [2, 5, 3])
        yield self._case("a batch of one", rng.normal(1, 5, 3), [3])
        yield self._case("one step", rng.normal(3, 1, 4), [1, 1, 1])
        yield self._case("one feature", rng.normal(3, 4, 1), [2, 4, 3])
        yield self._case("batch, steps and features of one size", rng.normal(4, 4, 4), [3, 1, 4, 2])
        yield self._case("zeros among the real states", self._with_zeros(rng), [3, 2, 5])
        yield self._case("float32 stays float32", rng.normal(2, 5, 3, dtype=F32), [2, 5])
        yield self._case("another layout in memory", strided(rng.normal(4, 5, 3)), [5, 2, 3, 1])
        yield self._case("gradients", rng.normal(3, 5, 4), [2, 5, 1], gradients=("outputs",))

    def _with_zeros(self, rng: Rng) -> Tensor:
        outputs = rng.normal(3, 5, 4)
        outputs[0, 2], outputs[1, 0], outputs[2, 4, 1:] = 0.0, 0.0, 0.0
        return outputs

    def _case(
        self, name: str, outputs: Tensor, lengths: list[int], weight: float = 1.0, gradients: tuple[str, ...] = ()
    ) -> Case:
        return Case(name, {"outputs": outputs, "lengths": torch.tensor(lengths)}, weight, gradients or False)

    def drive(self, answer: Any, outputs: Tensor, lengths: Tensor) -> dict[str, Any]:
        return {"state": answer(outputs, lengths)}


@exercise(
    "RNNLanguageModel", lesson="02_rnn", points=6, difficulty=3, minutes=20, builds_on=("rnn_step", "rnn_forward")
)
class LanguageModel(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        weights = language_model(rng, 11, 5, 7)
        h_0 = rng.normal(3, 7)
        yield Case("no state given", {"weights": weights, "ids": rng.ids(3, 4, high=11)}, weight=2)
        yield Case("a state given", {"weights": weights, "ids": rng.ids(3, 4, high=11), "h_0": h_0}, weight=2)
        yield Case("read in two parts", {"weights": weights, "ids": rng.ids(3, 6, high=11), "split": 2}, weight=2)
        yield Case("training and evaluation agree", {"weights": weights, "ids": rng.ids(2, 5, high=11), "twice": True})
        yield Case("large weights", {"weights": language_model(rng, 6, 4, 9, 3.0), "ids": rng.ids(2, 8, high=6)})
        yield Case("a batch of one, one step", {"weights": weights, "ids": rng.ids(1, 1, high=11)})
        equal = {"weights": language_model(rng, 4, 4, 4), "ids": rng.ids(4, 4, high=4), "h_0": rng.normal(4, 4)}
        yield Case("all sizes equal", equal)
        single = {"weights": in_float32(weights), "ids": rng.ids(2, 3, high=11)}
        yield Case("float32 stays float32", single)
        layout = {"weights": weights, "ids": strided(rng.ids(4, 3, high=11)), "h_0": strided(rng.normal(4, 7))}
        yield Case("another layout in memory", layout)
        # Id 0 stays out, so that an embedding with padding_idx=0 has the same gradient as one without.
        learn = {"weights": weights, "ids": rng.ids(3, 5, low=1, high=11), "h_0": h_0}
        yield Case("gradients reach every weight", learn, weight=2, gradients=("weights", "h_0"))

    def drive(
        self, answer: Any, weights: dict[str, Tensor], ids: Tensor, h_0: Tensor | None = None,
        split: int | None = None, twice: bool = False,
    ) -> dict[str, Any]:
        vocab_size, d_embed = weights["embedding.weight"].shape
        model = load_weights(answer(vocab_size, d_embed, len(weights["b_h"])), weights)
        if split is not None:
            first = parts(model(ids[:, :split]), "logits", "h_last")
            rest = parts(model(ids[:, split:], first["h_last"]), "logits", "h_last")
            return {"first part": first, "second part": rest}
        if twice:
            model.train()
            training = parts(model(ids), "logits", "h_last")
            model.eval()
            return {"training": training, "evaluation": parts(model(ids, None), "logits", "h_last")}
        result = model(ids) if h_0 is None else model(ids, h_0)
        return parts(result, "logits", "h_last")


@exercise("generate", lesson="02_rnn", points=6, difficulty=3, minutes=20)
class Generate(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        speaker = remembering(rng, 97, 6, 19)
        insistent = speaker | {"output.bias": speaker["output.bias"] + 30.0 * (torch.arange(97) == 2)}

        def case(name: str, prefix: int, num_tokens: int, temperature: float, weight: float = 1.0, **more: Any) -> Case:
            ids = rng.ids(prefix, high=97).tolist()
            asked = {"weights": speaker, "prefix": ids, "num_tokens": num_tokens, "temperature": temperature}
            return Case(name, asked | more, weight)

        def draws(
            name: str, prefix: int, num_tokens: int, temperature: float, weight: float = 2.0, **more: Any
        ) -> Case:
            # Logits grow with the temperature: the right draws are as varied, and so as telling, in every case.
            louder = speaker | {k: temperature * speaker[k] for k in ("output.weight", "output.bias")}
            return case(name, prefix, num_tokens, temperature, weight, weights=louder, **more)

        yield case("temperature 0 after a prefix", 5, 14, 0.0, weight=2)
        yield case("temperature 0 after one id", 1, 10, 0.0)
        yield case("nothing to add", 4, 0, 0.0)
        yield case("nothing to draw", 3, 0, 1.0)
        yield case("<eos> does not end it", 3, 6, 0.0, weights=insistent)
        yield case("float32", 3, 8, 0.0, weights=in_float32(speaker))
        yield draws("temperature 1", 4, 100, 1.0, seed=rng.integer(0, 2**31))
        yield draws("temperature 8", 2, 50, 8.0, seed=rng.integer(0, 2**31))
        yield draws("temperature 0.125", 3, 50, 0.125, seed=rng.integer(0, 2**31))
        yield case("temperature near 0", 2, 8, 0.002, seed=rng.integer(0, 2**31))
        yield draws("no generator", 2, 40, 2.5, weight=1)
        yield draws("the generator alone decides", 2, 10, 2.0, seed=rng.integer(0, 2**31), repeat=True)

    def drive(
        self, answer: Any, weights: dict[str, Tensor], prefix: list[int], num_tokens: int, temperature: float,
        seed: int | None = None, repeat: bool = False,
    ) -> dict[str, Any]:
        model = ProbeModel(weights)
        device = weights["b_h"].device
        given = list(prefix)

        def ask(generator: torch.Generator | None) -> Any:
            said = answer(model, given, num_tokens, temperature, generator)
            return list(said) if said is given else said

        def fresh(offset: int = 0) -> torch.Generator | None:
            return None if seed is None else torch.Generator(device).manual_seed(seed + offset)

        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(1)
            generator = fresh()
            found = {"ids": ask(generator)}
            if repeat:
                torch.manual_seed(2)
                before = torch.get_rng_state()
                found["same seed"] = ask(fresh())
                found["global generator untouched"] = torch.equal(before, torch.get_rng_state())
                torch.manual_seed(1)
                found["same generator again"] = ask(generator)
                found["another seed"] = ask(fresh(1))
        return found | {"prefix unchanged": given == prefix, "model unchanged": same_weights(model, weights)}

    def verify(self, case: Case, outputs: dict[str, Any]) -> list[str] | None:
        """Greedy ids are judged by the logits before them, drawn ones by `chance.better_explanations`.

        A right answer is rejected with probability below 1e-6: six bets at `chance.FALSE_ALARM` in each of six cases.
        That two generators agree on ten draws of 97 ids by chance is rarer than that by far.
        """
        asked = case.inputs
        weights, prefix, num_tokens = asked["weights"], asked["prefix"], asked["num_tokens"]
        vocab_size = len(weights["output.bias"])
        runs = ["ids", *(["same seed", "same generator again", "another seed"] if asked.get("repeat") else [])]
        problems = [form_problem(outputs.get(run), prefix, num_tokens, vocab_size) for run in runs]
        if outputs.get("prefix unchanged") is not True:
            problems.insert(0, "the prefix that was given is changed: work on a copy")
        if any(problems):
            return [p for p in problems if p][:1]
        ids = outputs["ids"]
        if num_tokens and asked["temperature"] == 0:
            problems = [greedy_problem(weights, ids, num_tokens)]
        elif num_tokens:
            problems = [sampling_problem(weights, ids, num_tokens, asked["temperature"])]
        if asked.get("repeat"):
            problems += self._generator_problems(outputs)
        if outputs.get("model unchanged") is not True:
            problems.append("the model's weights are changed afterwards")
        return [p for p in problems if p]

    def _generator_problems(self, outputs: dict[str, Any]) -> list[str]:
        found = []
        if outputs["ids"] != outputs["same seed"]:
            found.append("two generators of one seed give different ids")
        if outputs.get("global generator untouched") is not True:
            found.append("PyTorch's global generator is used although a generator is given")
        if outputs["ids"] == outputs["another seed"]:
            found.append("generators of different seeds give the same ids")
        if outputs["ids"] == outputs["same generator again"]:
            found.append("a generator that is used twice gives the same ids again: it does not move on")
        return found


@exercise("RNNClassifier", lesson="02_rnn", points=5, difficulty=3, minutes=15, builds_on=("last_valid_state",))
class Classifier(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        weights = torch_rnn(rng, 13, 5, 7, 3)

        def case(name: str, seq: int, lengths: list[int], weight: float = 1.0, **more: Any) -> Case:
            ids = rng.ids(len(lengths), seq, high=13)
            return Case(name, {"weights": weights, "ids": ids, "lengths": torch.tensor(lengths)} | more, weight)

        yield case("unsorted lengths", 6, [3, 6, 1, 4], weight=2)
        yield case("padding never matters", 5, [2, 4, 3], weight=2, other_padding=rng.ids(3, 5, high=13))
        yield case("padded with zeros", 7, [4, 2, 5], other_padding=torch.zeros(3, 7, dtype=torch.int64))
        yield case("every row is full", 4, [4, 4, 4])
        yield case("every length is one", 5, [1, 1])
        yield case("a batch of one, one step", 1, [1])
        yield case("training and evaluation agree", 4, [3, 4], twice=True)
        square, few = torch_rnn(rng, 4, 4, 4, 4), rng.ids(4, 4, high=4)
        yield case("all sizes equal", 4, [2, 4, 1, 3], weights=square, ids=few)
        yield case("float32 stays float32", 5, [4, 2], weights=in_float32(weights))
        yield case("another layout in memory", 5, [2, 5, 3, 4], ids=strided(rng.ids(4, 5, high=13)))
        # Id 0 stays out, so that an embedding with padding_idx=0 has the same gradient as one without.
        learn = case("gradients reach every weight", 6, [3, 6, 2], ids=rng.ids(3, 6, low=1, high=13))
        yield Case(learn.name, learn.inputs, weight=2, gradients=("weights",))

    def drive(
        self, answer: Any, weights: dict[str, Tensor], ids: Tensor, lengths: Tensor,
        other_padding: Tensor | None = None, twice: bool = False,
    ) -> dict[str, Any]:
        model = load_weights(answer(*_sizes(weights)), weights)
        if twice:
            return {"training": model.train()(ids, lengths), "evaluation": model.eval()(ids, lengths)}
        found = {"logits": model(ids, lengths)}
        if other_padding is not None:
            real = torch.arange(ids.shape[1], device=ids.device) < lengths[:, None]
            found["logits with other padding"] = model(torch.where(real, ids, other_padding), lengths)
        return found


@exercise("RNNTagger", lesson="02_rnn", points=4, difficulty=2, minutes=10)
class Tagger(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        weights = torch_rnn(rng, 11, 5, 7, 4)
        yield Case("a few sentences", {"weights": weights, "ids": rng.ids(3, 6, high=11)}, weight=2)
        yield Case("a long sentence", {"weights": weights, "ids": rng.ids(2, 25, high=11)})
        yield Case("a batch of one", {"weights": weights, "ids": rng.ids(1, 5, high=11)})
        yield Case("one step", {"weights": weights, "ids": rng.ids(4, 1, high=11)})
        yield Case("training and evaluation agree", {"weights": weights, "ids": rng.ids(2, 4, high=11), "twice": True})
        yield Case("all sizes equal", {"weights": torch_rnn(rng, 4, 4, 4, 4), "ids": rng.ids(4, 4, high=4)})
        yield Case("float32 stays float32", {"weights": in_float32(weights), "ids": rng.ids(2, 3, high=11)})
        yield Case("another layout in memory", {"weights": weights, "ids": strided(rng.ids(4, 3, high=11))})
        learn = {"weights": weights, "ids": rng.ids(3, 5, low=1, high=11)}
        yield Case("gradients reach every weight", learn, weight=2, gradients=("weights",))

    def drive(self, answer: Any, weights: dict[str, Tensor], ids: Tensor, twice: bool = False) -> dict[str, Any]:
        model = load_weights(answer(*_sizes(weights)), weights)
        if twice:
            return {"training": model.train()(ids), "evaluation": model.eval()(ids)}
        return {"logits": model(ids)}


def _sizes(weights: dict[str, Tensor]) -> tuple[int, int, int, int]:
    """vocab_size, d_embed, d_hidden and the number of outputs, as these weights have them."""
    vocab_size, d_embed = weights["embedding.weight"].shape
    num_out, d_hidden = weights["output.weight"].shape
    return vocab_size, d_embed, d_hidden, num_out
