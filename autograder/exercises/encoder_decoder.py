"""Lesson 04: from M words to N words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from autograder.drive import load_weights, parts
from autograder.exercise import Case, Exercise, Rng, exercise, strided
from autograder.exercises.encoder_decoder_chance import problems_of

F32, F64 = torch.float32, torch.float64
LESSON = "04_encoder_decoder"


def gru(rng: Rng, d_in: int, d_hidden: int, num_layers: int, gain: float = 1.0) -> dict[str, Tensor]:
    """Random weights of an nn.GRU called `rnn`, biases included."""
    weights: dict[str, Tensor] = {}
    for layer in range(num_layers):
        width = d_hidden if layer else d_in
        weights |= {
            f"rnn.weight_ih_l{layer}": rng.normal(3 * d_hidden, width, scale=1.5 * gain * width**-0.5),
            f"rnn.weight_hh_l{layer}": rng.normal(3 * d_hidden, d_hidden, scale=1.5 * gain * d_hidden**-0.5),
            f"rnn.bias_ih_l{layer}": rng.normal(3 * d_hidden, scale=0.5),
            f"rnn.bias_hh_l{layer}": rng.normal(3 * d_hidden, scale=0.5),
        }
    return weights


def encoder(
    rng: Rng, vocab_size: int, d_embed: int, d_hidden: int, num_layers: int, gain: float = 1.0
) -> dict[str, Tensor]:
    """Weights of a `Seq2SeqEncoder`, by name."""
    return {"embedding.weight": rng.normal(vocab_size, d_embed)} | gru(rng, d_embed, d_hidden, num_layers, gain)


def decoder(
    rng: Rng, vocab_size: int, d_embed: int, d_hidden: int, num_layers: int, gain: float = 1.0
) -> dict[str, Tensor]:
    """Weights of a `Seq2SeqDecoder`, by name."""
    return {
        "embedding.weight": rng.normal(vocab_size, d_embed),
        **gru(rng, d_embed + d_hidden, d_hidden, num_layers, gain),
        "output.weight": rng.normal(vocab_size, d_hidden, scale=2.0 * d_hidden**-0.5),
        "output.bias": rng.normal(vocab_size),
    }


def in_float32(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.to(F32) for name, tensor in tensors.items()}


def _sizes(weights: dict[str, Tensor]) -> tuple[int, int, int, int]:
    """vocab_size, d_embed, d_hidden and num_layers, as these weights have them."""
    vocab_size, d_embed = weights["embedding.weight"].shape
    return vocab_size, d_embed, weights["rnn.weight_hh_l0"].shape[1], sum("weight_hh" in name for name in weights)


@exercise("pad_batch", lesson=LESSON, points=3, difficulty=2, minutes=10)
class PadBatch(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def sentences(*lengths: int) -> list[list[int]]:
            return [rng.ids(n, low=10, high=99).tolist() for n in lengths]

        yield self._case("sentences of several lengths", sentences(3, 5, 1, 4), 7, weight=2)
        yield self._case("a sentence longer than max_len", sentences(2, 9, 5), 6, weight=2)
        yield self._case("one word less, as many, one more than fit", sentences(4, 5, 6), 5)
        yield self._case("an empty sentence", sentences(2, 0, 3), 5)
        yield self._case("room for the end only", sentences(3, 0, 1), 1)
        yield self._case("every sentence is full", sentences(3, 3), 4)
        yield self._case("every sentence is short", sentences(2, 1, 3), 9)
        yield self._case("another id for padding", sentences(2, 4, 0), 6, pad_id=7, eos_id=3)
        yield self._case("padding comes after the end in number too", sentences(3, 1), 5, pad_id=5, eos_id=0)
        special = [[2, 14, 2, 2], [0, 15, 0], [2], [0]]
        yield self._case("the special ids inside a sentence", special, 5)
        yield self._case("a batch of one", sentences(2), 4)
        yield self._case("as many sentences as columns", sentences(1, 3, 2, 6), 4)

    def _case(
        self, name: str, sequences: list[list[int]], max_len: int, weight: float = 1.0, pad_id: int = 0, eos_id: int = 2
    ) -> Case:
        asked = {"sequences": sequences, "max_len": max_len, "pad_id": pad_id, "eos_id": eos_id}
        return Case(name, asked, weight)

    def drive(
        self, answer: Any, sequences: list[list[int]], max_len: int, pad_id: int, eos_id: int
    ) -> dict[str, Any]:
        return parts(answer(sequences, max_len, pad_id, eos_id), "ids", "lengths")


@exercise("Seq2SeqEncoder", lesson=LESSON, points=6, difficulty=3, minutes=20)
class Encoder(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        weights = encoder(rng, 13, 5, 7, 2)

        def case(name: str, seq: int, lengths: list[int], weight: float = 1.0, **more: Any) -> Case:
            own = more.pop("weights", weights)
            ids = rng.ids(len(lengths), seq, high=len(own["embedding.weight"]))
            return Case(name, {"weights": own, "ids": ids, "lengths": torch.tensor(lengths)} | more, weight)

        yield case("unsorted lengths", 6, [3, 6, 1, 4], weight=2)
        yield case("no row is full", 8, [2, 5, 3], weight=2)
        yield case("one layer", 5, [4, 2, 5], weights=encoder(rng, 9, 4, 6, 1))
        yield case("three layers", 5, [2, 4, 5, 1], weights=encoder(rng, 8, 3, 4, 3))
        yield case("every row is full", 4, [4, 4, 4])
        yield case("every length is one", 5, [1, 1])
        yield case("a batch of one", 6, [4])
        yield case("a batch of one, one step", 1, [1])
        yield case("large weights", 9, [9, 5, 7], weights=encoder(rng, 6, 4, 5, 2, gain=4.0))
        yield case("training and evaluation agree", 5, [3, 5], twice=True)
        yield case("all sizes equal", 4, [2, 4, 1, 3], weights=encoder(rng, 4, 4, 4, 4))
        yield case("float32 stays float32", 5, [4, 2], weights=in_float32(weights))
        yield case("another layout in memory", 5, [2, 5, 3, 4], ids=strided(rng.ids(4, 5, high=13)))
        # Id 0 stays out of the words, so that an embedding with padding_idx=0 has the same gradient as one without.
        words, lengths = rng.ids(3, 6, low=1, high=12), [3, 6, 2]
        words[torch.arange(6) >= torch.tensor(lengths)[:, None]] = 12
        learn = case("gradients reach every weight", 6, lengths, ids=words)
        yield Case(learn.name, learn.inputs, weight=2, gradients=("weights",))

    def drive(
        self, answer: Any, weights: dict[str, Tensor], ids: Tensor, lengths: Tensor, twice: bool = False
    ) -> dict[str, Any]:
        model = load_weights(answer(*_sizes(weights)), weights)
        if twice:
            training = parts(model.train()(ids, lengths), "outputs", "state")
            return {"training": training, "evaluation": parts(model.eval()(ids, lengths), "outputs", "state")}
        return parts(model(ids, lengths), "outputs", "state")


@exercise("context_vector", lesson=LESSON, points=4, difficulty=2, minutes=12)
class ContextVector(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        for kind in ("last", "mean", "max"):
            yield from self._cases_of(rng, kind)

    def _cases_of(self, rng: Rng, kind: str) -> Iterator[Case]:
        def case(name: str, outputs: Tensor, lengths: list[int], gradients: bool = False) -> Case:
            asked = {"outputs": outputs, "lengths": torch.tensor(lengths), "kind": kind}
            return Case(f"{kind}: {name}", asked, gradients=("outputs",) if gradients else False)

        yield case("unsorted lengths", rng.normal(4, 6, 3), [3, 6, 1, 4])
        yield case("large values at padding", self._padded(rng, [4, 2, 5], 7, 2, 1000.0), [4, 2, 5])
        yield case("every value below zero", -40.0 - rng.uniform(3, 5, 4), [2, 5, 3])
        yield case("every row is full", rng.normal(2, 4, 5), [4, 4])
        yield case("a batch of one, one step", rng.normal(1, 1, 4), [1])
        yield case("all sizes equal", rng.normal(4, 4, 4), [3, 1, 4, 2])
        yield case("float32 stays float32", rng.normal(2, 5, 3, dtype=F32), [2, 5])
        yield case("another layout in memory", strided(rng.normal(4, 5, 3)), [5, 2, 3, 1])
        yield case("gradients", rng.normal(3, 5, 4), [2, 5, 1], gradients=True)

    def _padded(self, rng: Rng, lengths: list[int], seq: int, d: int, padding: float) -> Tensor:
        outputs = rng.normal(len(lengths), seq, d)
        outputs[torch.arange(seq) >= torch.tensor(lengths)[:, None]] = padding
        return outputs

    def drive(self, answer: Any, outputs: Tensor, lengths: Tensor, kind: str) -> dict[str, Any]:
        return {"context": answer(outputs, lengths, kind)}


@exercise("Seq2SeqDecoder", lesson=LESSON, points=6, difficulty=3, minutes=20)
class Decoder(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        weights = decoder(rng, 11, 5, 7, 2)

        def case(name: str, batch: int, seq: int, weight: float = 1.0, **more: Any) -> Case:
            own = more.pop("weights", weights)
            vocab_size, _, d_hidden, num_layers = _sizes(own)
            dtype = own["embedding.weight"].dtype
            asked = {
                "weights": own,
                "ids": rng.ids(batch, seq, low=1, high=vocab_size),
                "context": rng.normal(batch, d_hidden, dtype=dtype),
                "state": rng.normal(num_layers, batch, d_hidden, dtype=dtype, scale=0.7),
            }
            return Case(name, asked | more, weight)

        yield case("a few steps", 3, 4, weight=2)
        yield case("many steps", 2, 15)
        yield case("one layer", 4, 3, weights=decoder(rng, 9, 4, 6, 1))
        yield case("three layers", 2, 5, weights=decoder(rng, 6, 7, 3, 3))
        yield case("read in two parts", 3, 6, weight=2, split=2)
        other = [rng.normal(3, 7), rng.normal(2, 3, 7, scale=0.7)]
        yield case("two batches, one after the other", 3, 4, other=other)
        yield case("one step", 4, 1)
        yield case("a batch of one", 1, 5)
        yield case("a batch of one, one step", 1, 1)
        yield case("large weights", 2, 6, weights=decoder(rng, 8, 4, 5, 2, gain=4.0))
        yield case("training and evaluation agree", 2, 3, twice=True)
        yield case("all sizes equal", 4, 4, weights=decoder(rng, 4, 4, 4, 4))
        yield case("float32 stays float32", 2, 3, weights=in_float32(weights))
        ids, context, state = strided(rng.ids(3, 4, high=11)), strided(rng.normal(3, 7)), strided(rng.normal(2, 3, 7))
        yield case("another layout in memory", 3, 4, ids=ids, context=context, state=state)
        learn = case("gradients reach every weight, the context and the state", 3, 4)
        yield Case(learn.name, learn.inputs, weight=2, gradients=("weights", "context", "state"))

    def drive(
        self, answer: Any, weights: dict[str, Tensor], ids: Tensor, context: Tensor, state: Tensor,
        split: int | None = None, twice: bool = False, other: list[Tensor] | None = None,
    ) -> dict[str, Any]:
        model = load_weights(answer(*_sizes(weights)), weights)
        if other is not None:
            first = parts(model(ids, context, state), "logits", "state")
            return {"first batch": first, "second batch": parts(model(ids, *other), "logits", "state")}
        if split is not None:
            first = parts(model(ids[:, :split], context, state), "logits", "state")
            return {
                "first part": first,
                "second part": parts(model(ids[:, split:], context, first["state"]), "logits", "state"),
            }
        if twice:
            training = parts(model.train()(ids, context, state), "logits", "state")
            return {"training": training, "evaluation": parts(model.eval()(ids, context, state), "logits", "state")}
        return parts(model(ids, context, state), "logits", "state")


@exercise("teacher_forcing_pairs", lesson=LESSON, points=2, difficulty=1, minutes=5)
class TeacherForcingPairs(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(name: str, target_ids: Tensor, bos_id: int = 1, weight: float = 1.0) -> Case:
            return Case(name, {"target_ids": target_ids, "bos_id": bos_id}, weight)

        yield case("a small batch", rng.ids(3, 5, low=3, high=50), weight=2)
        yield case("another id for bos", rng.ids(2, 6, low=3, high=50), bos_id=57)
        yield case("bos among the words", rng.ids(4, 6, high=3))
        yield case("one step", rng.ids(4, 1, low=3, high=50))
        yield case("a batch of one", rng.ids(1, 4, low=3, high=50))
        yield case("as many rows as steps", rng.ids(4, 4, low=3, high=50))
        yield case("another layout in memory", strided(rng.ids(3, 5, low=3, high=50)))

    def drive(self, answer: Any, target_ids: Tensor, bos_id: int) -> dict[str, Any]:
        return parts(answer(target_ids, bos_id), "decoder_inputs", "labels")


@exercise("scheduled_inputs", lesson=LESSON, points=4, difficulty=3, minutes=15)
class ScheduledInputs(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(name: str, batch: int, seq: int, probability: float, weight: float = 1.0, **more: Any) -> Case:
            gold, predicted = rng.ids(batch, seq, high=10**6), rng.ids(batch, seq, low=10**6, high=2 * 10**6)
            asked = {"gold": gold, "predicted": predicted, "probability": probability, "seed": rng.integer(0, 2**31)}
            return Case(name, asked | more, weight)

        yield case("probability 0", 4, 6, 0.0)
        yield case("probability 1", 3, 7, 1.0)
        yield case("probability 0.25", 20, 41, 0.25, weight=2)
        yield case("probability 0.7", 24, 26, 0.7, weight=2)
        yield case("a batch of one", 1, 401, 0.3)
        yield case("two steps", 400, 2, 0.8)
        yield case("one step", 5, 1, 0.9)
        yield case("many small batches", 4, 6, 0.2, calls=30)
        yield case("the generator alone decides", 8, 13, 0.5, repeat=True)
        gold, predicted = strided(rng.ids(20, 16, high=99)), strided(rng.ids(20, 16, low=99, high=200))
        yield case("another layout in memory", 20, 16, 0.15, gold=gold, predicted=predicted)

    def drive(
        self, answer: Any, gold: Tensor, predicted: Tensor, probability: float, seed: int, calls: int = 1,
        repeat: bool = False,
    ) -> dict[str, Any]:
        device = gold.device

        def ask(generator: torch.Generator) -> list[Any]:
            return [answer(gold, predicted, probability, generator) for _ in range(calls)]

        def fresh(offset: int = 0) -> torch.Generator:
            return torch.Generator(device).manual_seed(seed + offset)

        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(1)
            generator = fresh()
            found: dict[str, Any] = {"ids": ask(generator)}
            if repeat:
                torch.manual_seed(2)
                before = torch.get_rng_state()
                found["same seed"] = ask(fresh())
                found["global generator untouched"] = torch.equal(before, torch.get_rng_state())
                found["same generator again"] = ask(generator)
                found["another seed"] = ask(fresh(1))
        return found

    def verify(self, case: Case, outputs: dict[str, Any]) -> list[str] | None:
        """Form exactly, chance by bets: see `encoder_decoder_chance`."""
        return problems_of(case.inputs, outputs)


@exercise("masked_cross_entropy", lesson=LESSON, points=4, difficulty=2, minutes=12)
class MaskedCrossEntropy(Exercise):
    def cases(self, rng: Rng) -> Iterator[Case]:
        def case(name: str, seq: int, vocab: int, lengths: list[int], weight: float = 1.0, **more: Any) -> Case:
            asked = {
                "logits": rng.normal(len(lengths), seq, vocab, scale=2.0),
                "labels": rng.ids(len(lengths), seq, high=vocab),
                "lengths": torch.tensor(lengths),
            }
            return Case(name, asked | more, weight)

        yield case("unsorted lengths", 6, 5, [3, 6, 1, 4], weight=2)
        yield case("one long sentence, many short ones", 9, 4, [9, 1, 1, 2, 1], weight=2)
        yield case("no row is full", 7, 3, [2, 5, 4])
        yield case("every row is full", 4, 6, [4, 4, 4])
        yield case("every length is one", 5, 4, [1, 1, 1])
        yield case("a batch of one", 5, 7, [3])
        yield case("a batch of one, one step", 1, 4, [1])
        yield case("all sizes equal", 4, 4, [3, 1, 4, 2])
        yield case("huge logits stay finite", 5, 6, [5, 2], logits=rng.normal(2, 5, 6, scale=1e5))
        padded = rng.normal(3, 4, 5)
        padded[0, 2:] *= 1e30
        yield case("huge logits at padding", 4, 5, [2, 4, 4], logits=padded)
        yield case("float32 stays float32", 5, 6, [4, 2], logits=rng.normal(2, 5, 6, dtype=F32))
        logits, labels = strided(rng.normal(3, 4, 5)), strided(rng.ids(3, 4, high=5))
        yield case("another layout in memory", 4, 5, [2, 4, 1], logits=logits, labels=labels)
        learn = case("gradients", 6, 5, [2, 6, 3])
        yield Case(learn.name, learn.inputs, weight=2, gradients=("logits",))

    def drive(self, answer: Any, logits: Tensor, labels: Tensor, lengths: Tensor) -> dict[str, Any]:
        return {"loss": answer(logits, labels, lengths)}
