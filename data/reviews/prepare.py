"""Short reviews in which order decides: negation, its scope, contrast and expectation, for sentiment classification.

A review is built top down from the verdict that it is to have. "The plot was A" says what its adjective says; "not A",
"hardly A", "anything but A" say the opposite; "I expected A, but it never was" and "nobody could call it A" do so from
further away; "not only A" and "I cannot deny that it was A" hold a negation that negates nothing. Of two halves, the
one that counts is after "but", outside "although", and it is the one half whose verdict the review has. Every word is
as frequent in good as in bad reviews, or nearly so, so that counting words says little.

Run as a script, this writes `train.tsv` beside it, the same bytes on every machine.
"""

from __future__ import annotations

import random
import re
import zlib
from pathlib import Path

TRAIN_SEED = 20_180_401
TRAIN_SIZE = 8_000
HERE = Path(__file__).parent
GOOD = (
    "good", "great", "lovely", "funny", "clever", "moving", "exciting", "charming", "brilliant", "fresh", "warm",
    "honest", "gripping", "elegant",
)
BAD = (
    "bad", "awful", "dull", "boring", "silly", "cold", "slow", "clumsy", "weak", "stale", "noisy", "false", "tedious",
    "ugly",
)
ASPECTS = (
    "plot", "music", "acting", "ending", "film", "story", "dialogue", "camera work", "second half", "cast", "humour",
    "script", "opening", "last scene", "hero", "lighting",
)
DEGREES = ("", "", "", "really ", "rather ", "very ", "quite ", "truly ", "so ")
PEOPLE = (
    "my sister", "everybody", "the critic", "a friend of mine", "the man beside me", "my neighbour", "our teacher",
)
FLIPS = (
    "the {n} was not {d}{a}", "the {n} was not at all {a}", "the {n} was hardly {a}", "the {n} was never {a}",
    "the {n} was anything but {a}", "the {n} was far from {a}", "the {n} was by no means {a}",
    "nobody could call the {n} {d}{a}", "i cannot say that the {n} was {d}{a}", "the {n} was never once {d}{a}",
    "i expected the {n} to be {d}{a} , but it never was", "{p} said the {n} was {a} , which is not true",
    "{p} told me that the {n} was {d}{a} , and {p} was wrong", "there is nothing {a} about the {n}",
    "i was told that the {n} would be {a} , and it was not", "i do not think that the {n} was {d}{a}",
    "whoever calls the {n} {a} has not seen it", "if only the {n} had been {a}",
)
KEEPS = (
    "the {n} was {d}{a}", "the {n} is {d}{a} from start to finish", "i found the {n} {d}{a}",
    "the {n} was nothing if not {a}", "i cannot deny that the {n} was {a}", "the {n} was not only {a} but {b}",
    "nobody can deny that the {n} was {d}{a}", "{p} said the {n} was {a} , which is true",
    "i never doubted that the {n} would be {a} , and it was", "{p} told me that the {n} was {d}{a} , and {p} was right",
    "i expected the {n} to be {d}{a} , and it was", "there is something {a} about the {n}",
    "never have i seen a {n} that was so {a}", "the {n} was {a} , and not by accident",
    "i do not know why , but the {n} was {d}{a}", "whoever has seen the {n} calls it {a}",
)
CONTRASTS = (
    "{lose} , but {win}", "although {lose} , {win}", "{win} , although {lose}",
    "{lose} , yet {win} , and that is what counts",
    "never mind that {lose} : {win}", "at first i thought that {lose} , but then i saw it again : {win}",
    "{win} , and it does not matter that {lose}", "even if {lose} , in the end {win}",
)
ADDITIONS = ("{win} , and {also}", "{win} . {also}", "{win} , and what is more , {also}")
OPENERS = (
    "", "", "", "", "well , ", "i saw it twice . ", "we went on a rainy sunday . ", "to be fair , ", "believe me , ",
)
CLOSERS = ("", "", "", "", " .", " , if you ask me", " , i would say", " . that is all there is to it")


def kept_out(wording: str, adjective: str) -> bool:
    """Wordings that training never shows with this adjective; every held-out review has such a pair."""
    return zlib.crc32(f"{wording}/{adjective}".encode()) % 8 == 0


class Reviewer:
    """Writes reviews, each drawn from the same stream of random numbers."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.unseen = False

    def clause(self, good: bool) -> str:
        """One clause whose verdict is `good`; notes whether its wording and adjective are a kept-out pair."""
        flipped = self.draw.random() < 0.35
        wording = self.draw.choice(FLIPS if flipped else KEEPS)
        a, b = self.draw.sample(GOOD if good != flipped else BAD, 2)
        self.unseen = self.unseen or kept_out(wording, a)
        return wording.format(
            n=self.draw.choice(ASPECTS), a=a, b=b, d=self.draw.choice(DEGREES), p=self.draw.choice(PEOPLE)
        )

    def review(self, good: bool) -> str:
        """A review whose verdict is `good`: one clause, two that agree, or two that differ."""
        kind = self.draw.random()
        if kind < 0.48:
            body = self.clause(good)
        elif kind < 0.65:
            body = self.draw.choice(ADDITIONS).format(win=self.clause(good), also=self.clause(good))
        else:
            body = self.draw.choice(CONTRASTS).format(win=self.clause(good), lose=self.clause(not good))
        return re.sub(r"\s+", " ", self.draw.choice(OPENERS) + body + self.draw.choice(CLOSERS)).strip()


def generate(seed: int, size: int, *, held_out: bool = False) -> list[tuple[str, int]]:
    """`size` reviews, each with its label: 1 for a good verdict, 0 for a bad one; the same for the same arguments."""
    reviewer = Reviewer(seed)
    reviews: list[tuple[str, int]] = []
    while len(reviews) < size:
        good = reviewer.draw.random() < 0.5
        reviewer.unseen = False
        text = reviewer.review(good)
        if reviewer.unseen == held_out:
            reviews.append((text, int(good)))
    return reviews


def main() -> None:
    """Write the training reviews, one line each: label, tab, text."""
    lines = [f"{label}\t{text}\n" for text, label in generate(TRAIN_SEED, TRAIN_SIZE)]
    (HERE / "train.tsv").write_text("".join(lines), encoding="ascii", newline="\n")


if __name__ == "__main__":
    main()
