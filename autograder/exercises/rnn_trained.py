"""Lesson 02, the trained exercises: what the learner's trained models do on text that they never saw.

The judge draws the text, sends what a model may see, and keeps the answers. A bar is one case, so that points rise with
quality. All bars of an exercise look at the same sample; `benchmarks/bars.py` prints the baselines and the three
seeds that the bars come from. Noise: the standard error of each measure, on a sample of this size, is named beside its
bars and is at most a fifth of the distance between the highest bar and the solution.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from autograder import data
from autograder.drive import load_weights
from autograder.errors import AnswerError
from autograder.exercise import Case, Exercise, Rng, exercise

STORIES, WINDOWS_PER_STORY, WINDOW = 200, 2, 24
REVIEWS = 800
SENTENCES = 400


class SharedPass:
    """The outputs of the last forward pass, for the bars of one exercise: they ask the same model the same.

    A bar that asks a second time belongs to a new check, whose answer may rest on functions that have changed since.
    """

    def __init__(self) -> None:
        self.key: tuple[Any, ...] = (None, "", b"")
        self.outputs: dict[str, Any] = {}
        self.asked: set[float] = set()

    def serves(self, bar: float, answer: Any, weights: Mapping[str, Tensor], inputs: Sequence[Tensor]) -> bool:
        """Are `outputs` those for this bar? When not, they are emptied, for the caller to fill."""
        digest = hashlib.sha256()
        for tensor in (*weights.values(), *inputs):
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        key = (answer, ",".join(weights), digest.digest())
        same = self.key[0] is answer and self.key[1:] == key[1:]
        served = same and bool(self.outputs) and bar not in self.asked
        if not served:
            self.key, self.outputs, self.asked = key, {}, set()
        self.asked.add(bar)
        return served


class TrainedExercise(Exercise):
    """Loads the learner's weights into the learner's class and asks it about held-out data."""

    shapes: ClassVar[Mapping[str, tuple[str, ...]]]
    """The weights by name, each with the names of its sizes."""

    arguments: ClassVar[tuple[str, ...]]
    """The sizes that the class takes, in order."""

    shared: ClassVar[SharedPass] = SharedPass()

    def drive(
        self, answer: Any, weights: Mapping[str, Tensor], bar: float, ids: Tensor, sizes: Mapping[str, int],
        lengths: Tensor | None = None,
    ) -> dict[str, Any]:
        """`sizes` holds those that the data fix; the learner chose the others, and they are read off the weights."""
        found = sizes_of(weights, self.shapes, sizes, self.artifact or "")
        inputs = (ids,) if lengths is None else (ids, lengths)
        if not self.shared.serves(bar, answer, weights, inputs):
            model = load_weights(answer(*(found[name] for name in self.arguments)), weights)
            model.eval()
            with torch.no_grad():
                self.shared.outputs = self.ask(model, *inputs)
        return self.shared.outputs

    def ask(self, model: Any, *inputs: Tensor) -> dict[str, Any]:
        return {"logits": model(*inputs)}


def sizes_of(
    weights: Mapping[str, Tensor], shapes: Mapping[str, tuple[str, ...]], known: Mapping[str, int], file: str
) -> dict[str, int]:
    """The value of every size, read off the weights. Raises AnswerError where names or shapes are impossible."""
    sizes = dict(known)
    for name, names in shapes.items():
        if name not in weights:
            have = ", ".join(sorted(weights)) or "none"
            raise AnswerError(f"artifacts/{file} has no tensor {name!r}; it has: {have}. Save model.state_dict()")
        shape = tuple(weights[name].shape)
        wanted = ", ".join(f"{n} = {sizes[n]}" if n in sizes else n for n in names)
        if len(shape) != len(names) or 0 in shape:
            raise AnswerError(f"artifacts/{file}: {name!r} has shape {shape}; expected ({wanted})")
        if any(sizes.setdefault(n, size) != size for n, size in zip(names, shape, strict=True)):
            raise AnswerError(f"artifacts/{file}: {name!r} has shape {shape}; expected ({wanted})")
    return sizes


def logits_problem(outputs: Mapping[str, Any], shape: Sequence[int]) -> str | None:
    """What keeps `outputs["logits"]` from being graded, or None."""
    logits = outputs.get("logits")
    if not isinstance(logits, Tensor) or not logits.is_floating_point():
        return "expected a floating-point tensor of logits"
    if tuple(logits.shape) != tuple(shape):
        return f"expected logits of shape {tuple(shape)}, got {tuple(logits.shape)}"
    return None if bool(torch.isfinite(logits).all()) else "the logits hold NaN or infinite values"


def padded(rows: Sequence[Sequence[int]], fill: int = data.PAD) -> tuple[Tensor, Tensor]:
    """Rows of ids as one tensor (batch, longest), and their lengths."""
    longest = max(len(row) for row in rows)
    ids = torch.tensor([[*row, *[fill] * (longest - len(row))] for row in rows])
    return ids, torch.tensor([len(row) for row in rows])


def story_windows(seed: int) -> tuple[Tensor, Tensor]:
    """Places in new stories: the characters before, and the one that comes. No window holds another one's target."""
    vocabulary, rows = data.story_vocabulary(), []
    for story in data.held_out("stories", seed, STORIES):
        ids = vocabulary.encode(story)
        step = max((len(ids) - WINDOW - 1) // WINDOWS_PER_STORY, WINDOW + 1)
        rows += [ids[at : at + WINDOW + 1] for at in range(0, len(ids) - WINDOW, step)][:WINDOWS_PER_STORY]
    windows = torch.tensor(rows)
    return windows[:, :-1].contiguous(), windows[:, -1].contiguous()


def accuracy_problems(case: Case, outputs: Mapping[str, Any], logits_shape: Sequence[int], what: str) -> list[str]:
    """Compare the argmax with `truth["labels"]`, where `truth["counts"]` is True, against the bar."""
    problem = logits_problem(outputs, logits_shape)
    if problem is not None:
        return [problem]
    labels, counts = case.truth["labels"], case.truth["counts"]
    right = (outputs["logits"].cpu().argmax(dim=-1) == labels)[counts].double().mean().item()
    bar = case.inputs["bar"]
    return [] if right >= bar else [f"held-out accuracy {right:.1%}{what}; this case asks for {bar:.0%} or more"]


@exercise(
    "char_language_model", lesson="02_rnn", points=6, difficulty=3, minutes=25, builds_on=("RNNLanguageModel",),
    answer="RNNLanguageModel", artifact="char_language_model.safetensors",
)
class CharLanguageModel(TrainedExercise):
    """Only the character after a window is graded, and no window is sent with it: nothing can be read off."""

    shapes: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "embedding.weight": ("vocab_size", "d_embed"), "W_xh": ("d_embed", "d_hidden"),
        "W_hh": ("d_hidden", "d_hidden"), "b_h": ("d_hidden",), "output.weight": ("vocab_size", "d_hidden"),
        "output.bias": ("vocab_size",),
    }
    arguments = ("vocab_size", "d_embed", "d_hidden")
    # 400 characters: the standard error of the log-perplexity is 0.06 (6 % of the perplexity).
    bars = ((4.5, 2.0), (3.0, 2.0), (2.3, 2.0))

    def cases(self, rng: Rng) -> Iterator[Case]:
        ids, targets = story_windows(rng.integer(0, 2**31))
        sizes = {"vocab_size": len(data.story_vocabulary())}
        for bar, weight in self.bars:
            yield Case(
                f"perplexity {bar} or less on new stories", weight=weight,
                inputs={"bar": bar, "ids": ids, "sizes": sizes},
                truth={"targets": targets},
            )

    def ask(self, model: Any, *inputs: Tensor) -> dict[str, Any]:
        result = model(*inputs)
        logits = result[0] if isinstance(result, tuple | list) and result else result
        if not isinstance(logits, Tensor) or logits.dim() != 3:
            raise AnswerError("expected (logits, h_last) with logits of shape (batch, seq, vocab_size)")
        return {"logits": logits[:, -1]}

    def verify(self, case: Case, outputs: dict[str, Any]) -> list[str]:
        targets = case.truth["targets"]
        problem = logits_problem(outputs, (len(targets), case.inputs["sizes"]["vocab_size"]))
        if problem is not None:
            return [problem]
        log_p = outputs["logits"].cpu().double().log_softmax(dim=-1)
        perplexity = log_p.gather(1, targets[:, None]).mean().neg().exp().item()
        bar = case.inputs["bar"]
        return [] if perplexity <= bar else [f"held-out perplexity {perplexity:.2f}; this case asks for {bar} or less"]


RNN_SHAPES = {
    "embedding.weight": ("vocab_size", "d_embed"), "rnn.weight_ih_l0": ("d_hidden", "d_embed"),
    "rnn.weight_hh_l0": ("d_hidden", "d_hidden"), "rnn.bias_ih_l0": ("d_hidden",), "rnn.bias_hh_l0": ("d_hidden",),
}


@exercise(
    "sentiment", lesson="02_rnn", points=6, difficulty=3, minutes=20, builds_on=("RNNClassifier",),
    answer="RNNClassifier", artifact="sentiment.safetensors",
)
class Sentiment(TrainedExercise):
    shapes = RNN_SHAPES | {"output.weight": ("num_classes", "d_hidden"), "output.bias": ("num_classes",)}
    arguments = ("vocab_size", "d_embed", "d_hidden", "num_classes")
    # 800 reviews: the standard error is 1.5 % at 75 %, 0.8 % at 95 %.
    bars = ((0.75, 2.0), (0.88, 2.0), (0.95, 2.0))

    def cases(self, rng: Rng) -> Iterator[Case]:
        vocabulary = data.review_vocabulary()
        reviews = data.held_out("reviews", rng.integer(0, 2**31), REVIEWS)
        ids, lengths = padded([vocabulary.encode(review.words) for review in reviews])
        labels = torch.tensor([review.label for review in reviews])
        sizes = {"vocab_size": len(vocabulary), "num_classes": 2}
        for bar, weight in self.bars:
            yield Case(
                f"{bar:.0%} of new reviews right", weight=weight,
                inputs={"bar": bar, "ids": ids, "lengths": lengths, "sizes": sizes},
                truth={"labels": labels, "counts": torch.ones_like(labels, dtype=torch.bool)},
            )

    def verify(self, case: Case, outputs: dict[str, Any]) -> list[str]:
        return accuracy_problems(case, outputs, (len(case.truth["labels"]), 2), "")


@exercise(
    "entities", lesson="02_rnn", points=6, difficulty=3, minutes=20, builds_on=("RNNTagger",),
    answer="RNNTagger", artifact="entities.safetensors",
)
class Entities(TrainedExercise):
    shapes = RNN_SHAPES | {"output.weight": ("num_tags", "d_hidden"), "output.bias": ("num_tags",)}
    arguments = ("vocab_size", "d_embed", "d_hidden", "num_tags")
    # About 620 ambiguous words: the standard error is 1.8 % at 70 %, 0.9 % at 95 %.
    bars = ((0.70, 2.0), (0.85, 2.0), (0.95, 2.0))

    def cases(self, rng: Rng) -> Iterator[Case]:
        vocabulary = data.apple_vocabulary()
        sentences = data.held_out("apple", rng.integer(0, 2**31), SENTENCES)
        ids, _ = padded([vocabulary.encode(sentence.words) for sentence in sentences])
        labels, _ = padded([sentence.tag_ids for sentence in sentences], fill=data.TAGS.index("OTHER"))
        sizes = {"vocab_size": len(vocabulary), "num_tags": len(data.TAGS)}
        for bar, weight in self.bars:
            yield Case(
                f"{bar:.0%} of the ambiguous words right", weight=weight,
                inputs={"bar": bar, "ids": ids, "sizes": sizes},
                truth={"labels": labels, "counts": labels != data.TAGS.index("OTHER")},
            )

    def verify(self, case: Case, outputs: dict[str, Any]) -> list[str]:
        return accuracy_problems(
            case, outputs, (*case.truth["labels"].shape, len(data.TAGS)), " on the ambiguous words"
        )
