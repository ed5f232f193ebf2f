"""Lesson 02, the trained exercises: what the learner's trained models do on text that they never saw.

`benchmarks/bars.py` prints the baselines and the three seeds that the bars come from. Noise: the standard error of each
measure, on a sample of this size, is named beside its bars and is at most a fifth of the distance between the highest
bar and the solution.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from autograder import data
from autograder.errors import AnswerError
from autograder.exercise import Case, Rng, exercise
from autograder.trained_exercise import TrainedExercise, logits_problem, padded

STORIES, WINDOWS_PER_STORY, WINDOW = 200, 2, 24
REVIEWS = 800
SENTENCES = 400


def story_windows(seed: int) -> tuple[Tensor, Tensor]:
    """Places in new stories: the characters before, and the one that comes. No window holds another one's target."""
    vocabulary, rows = data.story_vocabulary(), []
    for story in data.held_out("stories", seed, STORIES):
        ids = vocabulary.encode(story)
        step = max((len(ids) - WINDOW - 1) // WINDOWS_PER_STORY, WINDOW + 1)
        rows += [ids[at : at + WINDOW + 1] for at in range(0, len(ids) - WINDOW, step)][:WINDOWS_PER_STORY]
    windows = torch.tensor(rows)
    return windows[:, :-1].contiguous(), windows[:, -1].contiguous()


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

    def ask(self, model: Any, **asked: Tensor) -> dict[str, Any]:
        result = model(asked["ids"])
        logits = result[0] if isinstance(result, tuple | list) and result else result
        if not isinstance(logits, Tensor) or logits.dim() != 3:
            raise AnswerError("expected (logits, h_last) with logits of shape (batch, seq, vocab_size)")
        return {"logits": logits[:, -1]}

    def malformed(self, case: Case, outputs: Mapping[str, Any]) -> str | None:
        return logits_problem(outputs, (len(case.truth["targets"]), case.inputs["sizes"]["vocab_size"]))

    def missed(self, case: Case, outputs: Mapping[str, Any]) -> str | None:
        found, bar = self.measure(case, outputs), case.inputs["bar"]
        return None if found <= bar else f"held-out perplexity {found:.2f}; this case asks for {bar} or less"

    def measure(self, case: Case, outputs: Mapping[str, Any]) -> float:
        log_p = outputs["logits"].cpu().double().log_softmax(dim=-1)
        return float(log_p.gather(1, case.truth["targets"][:, None]).mean().neg().exp())

    def diagnosis(self, case: Case, outputs: Mapping[str, Any]) -> str | None:
        logits, targets, last = outputs["logits"].cpu().double(), case.truth["targets"], case.inputs["ids"][:, -1]
        if bool((logits - logits[:1]).abs().max() < 1e-3):
            return "the same prediction everywhere"
        best = logits.argmax(dim=1)
        if share(best == last) > 0.6:
            return "a character late"
        often_right = share(best == targets) > 0.45
        if often_right and self.measure(case, outputs) > logits.shape[1] / 4:
            # Probabilities taken for logits differ by one at most.
            flat = bool(logits.max() - logits.min() <= 1.0)
            return "probabilities for logits" if flat else "right, or much too sure"
        return "nothing learned" if self.measure(case, outputs) > 0.7 * logits.shape[1] else None


RNN_SHAPES = {
    "embedding.weight": ("vocab_size", "d_embed"), "rnn.weight_ih_l0": ("d_hidden", "d_embed"),
    "rnn.weight_hh_l0": ("d_hidden", "d_hidden"), "rnn.bias_ih_l0": ("d_hidden",), "rnn.bias_hh_l0": ("d_hidden",),
}


def share(holds: Tensor) -> float:
    """How many are True, as a share of all; 0 of none."""
    return float(holds.double().mean()) if holds.numel() else 0.0


class Accuracy(TrainedExercise):
    """Graded on the argmax: `truth["labels"]`, where `truth["counts"]` is True."""

    where = ""

    def right(self, case: Case, outputs: Mapping[str, Any]) -> Tensor:
        """For each place that counts, whether it is right."""
        found: Tensor = outputs["logits"].cpu().argmax(dim=-1) == case.truth["labels"]
        return found[case.truth["counts"]]

    def measure(self, case: Case, outputs: Mapping[str, Any]) -> float:
        return share(self.right(case, outputs))

    def missed(self, case: Case, outputs: Mapping[str, Any]) -> str | None:
        level, bar = self.measure(case, outputs), case.inputs["bar"]
        if level >= bar:
            return None
        return f"held-out accuracy {level:.1%}{self.where}; this case asks for {bar:.0%} or more"


@exercise(
    "sentiment", lesson="02_rnn", points=6, difficulty=3, minutes=20, builds_on=("RNNClassifier",),
    answer="RNNClassifier", artifact="sentiment.safetensors",
)
class Sentiment(Accuracy):
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

    def malformed(self, case: Case, outputs: Mapping[str, Any]) -> str | None:
        return logits_problem(outputs, (len(case.truth["labels"]), 2))

    def diagnosis(self, case: Case, outputs: Mapping[str, Any]) -> str | None:
        logits, right = outputs["logits"].cpu().double(), self.right(case, outputs)
        if bool((logits - logits[:1]).abs().max() < 1e-3):
            return "the same for every review"
        best = logits.argmax(dim=1)
        if bool((best == best[0]).all()):
            return "one class only"
        if share(right) < 0.3:
            return "upside down"
        lengths = case.inputs["lengths"]
        long = lengths >= lengths.double().quantile(0.9)
        short = lengths <= lengths.double().quantile(0.5)
        return "right on long reviews only" if share(right[long]) - share(right[short]) > 0.25 else None


@exercise(
    "entities", lesson="02_rnn", points=6, difficulty=3, minutes=20, builds_on=("RNNTagger",),
    answer="RNNTagger", artifact="entities.safetensors",
)
class Entities(Accuracy):
    shapes = RNN_SHAPES | {"output.weight": ("num_tags", "d_hidden"), "output.bias": ("num_tags",)}
    arguments = ("vocab_size", "d_embed", "d_hidden", "num_tags")
    where = " on the ambiguous words"
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

    def malformed(self, case: Case, outputs: Mapping[str, Any]) -> str | None:
        return logits_problem(outputs, (*case.truth["labels"].shape, len(data.TAGS)))

    def diagnosis(self, case: Case, outputs: Mapping[str, Any]) -> str | None:
        ids, labels, counts = case.inputs["ids"], case.truth["labels"], case.truth["counts"]
        tags = outputs["logits"].cpu().argmax(dim=-1)
        found, wanted = tags[counts], labels[counts]
        other = data.TAGS.index("OTHER")
        late = torch.cat([torch.full_like(tags[:, :1], other), labels[:, :-1]], dim=1)
        if share((tags == late)[late != other]) > 0.8 > share(found == wanted):
            return "a word late"
        if share(found == other) > 0.8:
            return "never an ambiguous word"
        if share(found == wanted) < 0.3 and share(found != other) > 0.8:
            return "the two senses exchanged"
        if bool((found == found[0]).all()):
            return "one sense only"
        words = ids[counts]
        fixed = all(len(found[words == word].unique()) == 1 for word in words.unique())
        return "one sense for each word" if fixed else None
