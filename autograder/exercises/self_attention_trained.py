"""Lesson 06, the trained exercise: reverse a sequence with attention alone.

The bars: two layers of attention with learned positions, trained for 2000 updates on sequences of 6 to 16 words,
reverse every word with each of three seeds. One such layer, which can't know how long a sequence is, gets about half of
the words; without positions it is a fifth, and no training helps. 264 sequences: the standard error is at most 1 %.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from autograder.errors import AnswerError
from autograder.exercise import Case, Rng, exercise
from autograder.exercises.self_attention import LESSON
from autograder.trained_exercise import TrainedExercise, load_all, logits_problem

VOCAB_SIZE, SHORTEST, MAX_LEN = 20, 6, 16
ROWS = 24
PROBE_ROWS, PROBE_LENGTH = 8, 9

Answers = Mapping[str, Tensor]


@exercise(
    "set_of_positions", lesson=LESSON, points=8, difficulty=3, minutes=30, answer="Reverser",
    artifact="set_of_positions.safetensors",
)
class SetOfPositions(TrainedExercise):
    """The learner's own network, asked for new sequences of every length from 6 to 16.

    What is right is no secret, so the order could be turned in the code. With its weights scrambled, a model that lets
    attention do it mixes all words of a sentence into each; a model that turns the order in its code still answers each
    place by the word in the mirror. The first kind earns points.
    """

    shapes: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    arguments = ("vocab_size", "max_len")
    bars = ((0.4, 2.0), (0.8, 3.0), (0.97, 3.0))

    def cases(self, rng: Rng) -> Iterator[Case]:
        asked = {f"length_{n}": rng.ids(ROWS, n, high=VOCAB_SIZE) for n in range(SHORTEST, MAX_LEN + 1)}
        probe = one_word_changed(rng)
        for bar, weight in self.bars:
            yield Case(
                f"{bar:.0%} of the words of new sequences right", weight=weight,
                inputs={"bar": bar, "sizes": {"vocab_size": VOCAB_SIZE, "max_len": MAX_LEN}, "probe": probe, **asked},
                truth={"reversed": {name: ids.flip(1) for name, ids in asked.items()}},
            )

    def drive(
        self, answer: Any, weights: Mapping[str, Tensor], bar: float, sizes: Mapping[str, int], **asked: Tensor
    ) -> dict[str, Any]:
        if not self.shared.serves(bar, answer, weights, list(asked.values())):
            with torch.random.fork_rng(devices=[]), torch.no_grad():
                model = self.build(answer, sizes)
                refuse_other_roads(model)
                probe = asked.pop("probe")
                load_all(model, weights, self.artifact or "").to(probe.device).eval()
                logits = {name: model(ids) for name, ids in asked.items()}
                alone = model(asked[f"length_{MAX_LEN}"][:1])
                scramble(model)
                self.shared.outputs = {"logits": logits, "alone": alone, "scrambled": model(probe)}
        return self.shared.outputs

    def malformed(self, case: Case, outputs: Mapping[str, Any]) -> str | None:
        logits, wanted = outputs.get("logits"), case.truth["reversed"]
        if not isinstance(logits, Mapping) or set(logits) != set(wanted):
            return "expected logits for every length"
        named = [(logits[name], ids.shape) for name, ids in wanted.items()]
        for value, shape in (*named, (outputs.get("alone"), (1, MAX_LEN))):
            problem = logits_problem({"logits": value}, (*shape, VOCAB_SIZE))
            if problem is not None:
                return problem
        # Scrambled weights may overflow, which is nobody's mistake.
        scrambled, probe = outputs.get("scrambled"), case.inputs["probe"]
        if not isinstance(scrambled, Tensor) or tuple(scrambled.shape) != (*probe.shape, VOCAB_SIZE):
            return "expected logits of shape (batch, seq, vocab_size)"
        return None

    def missed(self, case: Case, outputs: Mapping[str, Any]) -> str | None:
        if turned_by_code(outputs["scrambled"]):
            return "with scrambled weights each word still follows the word in the mirror: attention does not turn them"
        level, bar = self.measure(case, outputs), case.inputs["bar"]
        where = f"on new sequences of {SHORTEST} to {MAX_LEN} words"
        return None if level >= bar else f"{level:.1%} of the words right {where}; this case asks for {bar:.0%} or more"

    def measure(self, case: Case, outputs: Mapping[str, Any]) -> float:
        levels = self.levels(case, outputs)
        return sum(levels.values()) / len(levels)

    def levels(self, case: Case, outputs: Mapping[str, Any]) -> dict[str, float]:
        """The share of right words at each length."""
        best = answers(outputs)
        return {name: share(best[name] == right) for name, right in case.truth["reversed"].items()}

    def diagnosis(self, case: Case, outputs: Mapping[str, Any]) -> str | None:
        if turned_by_code(outputs["scrambled"]):
            return "turned by the code"
        longest = outputs["logits"][f"length_{MAX_LEN}"].cpu()[:1]
        if bool((outputs["alone"].cpu() - longest).abs().max() > 0.01 * spread(longest)):
            return "rows depend on each other"
        by_places = self._by_places(case, outputs)
        if by_places is not None:
            return by_places
        levels = list(self.levels(case, outputs).values())
        if lonely(levels):
            return "right at one length only"
        if mean(levels[:3]) > 0.9 and mean(levels[-3:]) < 0.8:
            return "right at short lengths only"
        if max(levels) < 0.12:
            return "nothing learned"
        best = answers(outputs)
        inside = mean(share((best[name][:, :, None] == case.inputs[name][:, None]).any(dim=2)) for name in best)
        return "a word of the sentence, but which" if inside > 0.8 and mean(levels) < 0.5 else None

    def _by_places(self, case: Case, outputs: Mapping[str, Any]) -> str | None:
        """What the answers have to do with the places of the words."""
        ids, best = {name: case.inputs[name] for name in outputs["logits"]}, answers(outputs)
        if all(bool((found == found[0, 0]).all()) for found in best.values()):
            return "always the same word"
        if mean(share(best[name] == ids[name]) for name in ids) > 0.6:
            return "copied, not reversed"
        equal = {name: words[:, :, None] == words[:, None] for name, words in ids.items()}
        if all(alike(logits, torch.ones_like(equal[name])) for name, logits in outputs["logits"].items()):
            return "one answer for all places"
        if all(alike(logits, equal[name]) for name, logits in outputs["logits"].items()):
            return "places unknown"
        if ends_only(case, best):
            return "the ends right, the middle not"
        beside = [
            mean(share(found[:, 1:] == case.truth["reversed"][name][:, :-1]) for name, found in best.items()),
            mean(share(found[:, :-1] == case.truth["reversed"][name][:, 1:]) for name, found in best.items()),
        ]
        return "one place beside" if max(beside) > 0.6 else None


def one_word_changed(rng: Rng) -> Tensor:
    """Sentences without a word twice, and each again with its first word changed, its second, and so on."""
    rows = []
    for _ in range(PROBE_ROWS):
        words = torch.tensor(rng.permutation(VOCAB_SIZE))
        sentence = words[:PROBE_LENGTH].repeat(1 + PROBE_LENGTH, 1)
        sentence[1:].diagonal().copy_(words[PROBE_LENGTH : 2 * PROBE_LENGTH])
        rows.append(sentence)
    return torch.cat(rows)


def turned_by_code(scrambled: Tensor) -> bool:
    """Does each word of the answer follow the word in the mirror, far more than all others, whatever the weights?"""
    by_row = scrambled.detach().cpu().double().reshape(PROBE_ROWS, 1 + PROBE_LENGTH, PROBE_LENGTH, VOCAB_SIZE)
    influence = (by_row[:, 1:] - by_row[:, :1]).abs().mean(dim=(0, 3))  # of each word of the input on each answer
    mirror = torch.eye(PROBE_LENGTH, dtype=torch.bool).flip(1)
    middle = torch.zeros_like(mirror)
    middle[PROBE_LENGTH // 2] = True
    return bool(influence[mirror & ~middle].mean() > 2.5 * influence[~mirror & ~middle].mean())


def refuse_other_roads(model: Any) -> None:
    """Raises AnswerError where words can reach each other without attention."""
    if not isinstance(model, nn.Module):
        raise AnswerError(f"expected an nn.Module, got {type(model).__name__}")
    for name, part in model.named_modules():
        wide = isinstance(part, nn.Conv1d | nn.Conv2d) and any(size > 1 for size in part.kernel_size)
        if wide or isinstance(part, nn.RNNBase | nn.RNNCellBase):
            kind = f"nn.{type(part).__name__}"
            raise AnswerError(f"`{name}` is an {kind}: here, attention alone carries words from place to place")


def scramble(model: nn.Module) -> None:
    """The numbers of each parameter, in random order."""
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
        parameter.copy_(parameter.flatten()[order].view_as(parameter))


def answers(outputs: Mapping[str, Any]) -> dict[str, Tensor]:
    """The likeliest word at every place."""
    return {name: logits.cpu().argmax(dim=-1) for name, logits in outputs["logits"].items()}


def alike(logits: Tensor, pairs: Tensor) -> bool:
    """Are the logits of any two places the same that `pairs` (batch, seq, seq) holds as a pair?"""
    logits = logits.cpu().double()
    apart = (logits[:, :, None] - logits[:, None]).abs().amax(dim=-1)
    return bool((apart * pairs).max() <= 1e-3 * spread(logits))


def ends_only(case: Case, best: Answers) -> bool:
    """Are the first words of long sequences right, and few of those in the middle?"""
    long = [name for name in best if best[name].shape[1] >= 12]
    right = {name: best[name] == case.truth["reversed"][name] for name in long}
    ends = mean(share(right[name][:, [0, 1, -1]]) for name in long)
    return ends > 0.7 and mean(share(found[:, 5:-3]) for found in right.values()) < ends - 0.3


def lonely(levels: list[float]) -> bool:
    """Is one length right, and every length next to it far from that?"""
    beside = [[*levels[max(at - 1, 0) : at], *levels[at + 1 : at + 2]] for at in range(len(levels))]
    return any(level > 0.95 and max(others) < 0.85 for level, others in zip(levels, beside, strict=True))


def spread(logits: Tensor) -> float:
    """How far logits lie apart, for differences to be held against."""
    return max(float(logits.max() - logits.min()), 1e-6)


def share(holds: Tensor) -> float:
    """How many are True, as a share of all."""
    return float(holds.double().mean())


def mean(values: Any) -> float:
    listed = list(values)
    return float(sum(listed) / len(listed))
