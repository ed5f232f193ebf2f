"""Where the bars of the trained exercises come from: baselines, three seeds of the lesson's own training, and the bars.

    python -m benchmarks.bars [--seeds 3] [EXERCISE ...]

Runs the functions that `solutions/02_rnn.py` trains with. Every score is on the same three samples of new text, each as
large as the check's.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import matplotlib
import torch
import torch.nn.functional as F
from torch import Tensor

from autograder import data
from autograder.cells import read_cells
from autograder.drive import perform
from autograder.exercise import Case, Exercise, Rng, get
from autograder.trained_exercise import padded

SOURCE = Path(__file__).resolve().parent.parent / "solutions" / "02_rnn.py"
SAMPLES = 3
TRAININGS = {
    "char_language_model": "train_char_language_model", "sentiment": "train_sentiment", "entities": "train_entities",
}
TRAINED = re.compile(r"\b(char|review|apple)_model\b")


def definitions() -> dict[str, Any]:
    """What the lesson's cells define, without the checks and without what needs a trained model."""
    matplotlib.use("Agg")
    namespace: dict[str, Any] = {"__name__": "lesson"}
    for cell in read_cells(SOURCE):
        if cell.kind == "code" and cell.word != "check" and not TRAINED.search(cell.source):
            exec(compile(cell.source, cell.where, "exec"), namespace)
    return namespace


def samples(exercise: Exercise) -> list[Case]:
    """The first case of several draws: all bars of an exercise look at the same text."""
    return [next(iter(exercise.cases(Rng(1000 + k, exercise.id)))) for k in range(SAMPLES)]


def quality(exercise_id: str, case: Case, logits: Tensor) -> float:
    """Perplexity for the language model, accuracy for the others."""
    if exercise_id == "char_language_model":
        return float(F.cross_entropy(logits.double(), case.truth["targets"]).exp())
    counts = case.truth["counts"]
    return float((logits.argmax(dim=-1) == case.truth["labels"])[counts].double().mean())


def trained_scores(exercise: Exercise, namespace: dict[str, Any], seed: int) -> list[float]:
    """The quality of one training on every sample."""
    torch.manual_seed(seed)
    with contextlib.redirect_stdout(io.StringIO()):
        model, _ = namespace[TRAININGS[exercise.id]]()
    weights = {name: value.detach().cpu() for name, value in model.state_dict().items()}
    answer, scores = exercise.answer_in(namespace), []
    for case in samples(exercise):
        response = perform(exercise, answer, {**case.inputs, "weights": weights})
        if response.outputs is None:
            raise RuntimeError(f"{exercise.id}: {response.failure}")
        scores.append(quality(exercise.id, case, response.outputs["logits"]))
    return scores


def bigram(cases: list[Case]) -> Iterator[float]:
    """The next character from the last one alone: counts with add-0.1 smoothing."""
    vocabulary = data.story_vocabulary()
    ids = torch.tensor(vocabulary.encode(data.stories()))
    counts = torch.full((len(vocabulary), len(vocabulary)), 0.1)
    counts.index_put_((ids[:-1], ids[1:]), torch.ones(len(ids) - 1), accumulate=True)
    log_p = (counts / counts.sum(dim=1, keepdim=True)).log()
    for case in cases:
        yield quality("char_language_model", case, log_p[case.inputs["ids"][:, -1]])


def bag_of_words(cases: list[Case]) -> Iterator[float]:
    """Logistic regression on word counts, trained until it does not improve."""
    vocabulary, reviews = data.review_vocabulary(), data.reviews()
    train = word_counts(padded([vocabulary.encode(review.words) for review in reviews])[0], len(vocabulary))
    labels = torch.tensor([float(review.label) for review in reviews])
    weight = torch.zeros(len(vocabulary), requires_grad=True)
    optimizer = torch.optim.LBFGS([weight], max_iter=300)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(train @ weight, labels) + 1e-3 * weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    for case in cases:
        scores = (word_counts(case.inputs["ids"], len(vocabulary)) @ weight).detach()
        yield quality("sentiment", case, torch.stack([-scores, scores], dim=1))


def word_counts(ids: Tensor, vocab_size: int) -> Tensor:
    """How often each word occurs in each row; column 0, the padding's, is 1 and serves as the bias."""
    counts = torch.zeros(len(ids), vocab_size).scatter_add_(1, ids, torch.ones(ids.shape))
    counts[:, 0] = 1
    return counts


def majority(cases: list[Case]) -> Iterator[float]:
    """For every word the tag that it had most often in training."""
    vocabulary = data.apple_vocabulary()
    tally = torch.zeros(len(vocabulary), len(data.TAGS))
    for sentence in data.apple():
        for word, tag in zip(vocabulary.encode(sentence.words), sentence.tag_ids, strict=True):
            tally[word, tag] += 1
    for case in cases:
        yield quality("entities", case, tally[case.inputs["ids"]])


BASELINES: dict[str, tuple[str, Callable[[list[Case]], Iterator[float]]]] = {
    "char_language_model": ("bigram", bigram), "sentiment": ("bag of words", bag_of_words),
    "entities": ("per-word majority", majority),
}


def main() -> None:
    """Print one block per exercise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("exercises", nargs="*", help="all of them when none is named")
    asked = parser.parse_args()
    with contextlib.redirect_stdout(io.StringIO()):
        namespace = definitions()
    for exercise_id in asked.exercises or BASELINES:
        name, baseline = BASELINES[exercise_id]
        exercise = get(exercise_id)
        cases = list(exercise.cases(Rng(1000, exercise_id)))
        print(f"{exercise_id}: bars {', '.join(str(case.inputs['bar']) for case in cases)}")
        print(f"  {name}: {summary(list(baseline(samples(exercise))))}")
        for seed in range(asked.seeds):
            start = time.perf_counter()
            scores = trained_scores(exercise, namespace, seed)
            print(f"  seed {seed}: {summary(scores)} ({time.perf_counter() - start:.0f} s)", flush=True)


def summary(scores: list[float]) -> str:
    return f"{mean(scores):.3f} ± {stdev(scores):.3f}"


if __name__ == "__main__":
    main()
