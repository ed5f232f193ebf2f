"""Sentences with words of two senses, for tagging: is this "apple" a fruit or a company?

What decides always stands before the word, so that a network that reads from left to right can know it: who acts, or
where. It may stand far before, with neutral words between. Someone from either world may be mentioned in between but
not act ("the cook , unlike the banker nearby , ..."), which decides nothing. In a second half somebody else may take
over, so that two of these words in one sentence may have different senses. The words next to it are the same for both
senses.

Tags: COMPANY, NATURE (a fruit, a seashell, a river), OTHER for every word that is not ambiguous. In the file a word
carries its tag behind a slash, but for OTHER.
Run as a script, this writes `train.txt` beside it, the same bytes on every machine.
"""

from __future__ import annotations

import random
import re
import zlib
from pathlib import Path

TRAIN_SEED = 20_190_607
TRAIN_SIZE = 8_000
HERE = Path(__file__).parent
TAGS = ("OTHER", "NATURE", "COMPANY")
AMBIGUOUS = ("apple", "orange", "blackberry", "shell", "amazon")
FRUITS = ("apple", "orange", "blackberry")
PEOPLE = {
    ("NATURE", "fruit"): (
        "cook", "gardener", "baker", "farmer", "greengrocer", "confectioner", "housekeeper", "beekeeper",
        "fruit seller", "pastry chef", "hungry child", "orchard keeper", "dietician",
    ),
    ("NATURE", "shell"): (
        "diver", "fisherman", "beachcomber", "biologist", "sailor", "snorkeler", "pearl hunter", "turtle keeper",
        "surfer", "oyster farmer", "lighthouse keeper",
    ),
    ("NATURE", "amazon"): (
        "explorer", "canoeist", "botanist", "geographer", "raftsman", "ranger", "river pilot", "naturalist", "mapmaker",
        "missionary", "rubber tapper",
    ),
    ("COMPANY", ""): (
        "banker", "lawyer", "programmer", "investor", "accountant", "engineer", "broker", "judge", "manager", "auditor",
        "shareholder", "economist", "lobbyist", "salesman", "tax inspector",
    ),
}
SCENES = {
    ("NATURE", "fruit"): (
        "in the kitchen", "at the fruit stall", "in the orchard", "over the oven",
        "at the breakfast table",
    ),
    ("NATURE", "shell"): ("on the beach", "under the pier", "at low tide", "among the rocks", "on the coral reef"),
    ("NATURE", "amazon"): ("in the jungle", "in the rain forest", "upstream", "in a canoe", "near the rapids"),
    ("COMPANY", ""): (
        "at the stock exchange", "in court", "in the boardroom", "on a business trip",
        "at the trade fair",
    ),
}
NEUTRAL_PEOPLE = (
    "my uncle", "anna", "the woman", "a student", "his sister", "a visitor", "old tom", "our guest", "she", "he",
)
ACTS = (
    "spoke about", "wrote about", "dreamed of", "had heard of", "knew everything about", "could not forget",
    "asked me about",
    "told us about", "was thinking of", "complained about", "was proud of", "pointed to", "waited for", "described",
    "showed me", "looked for", "talked of nothing but", "had come because of",
)
BEFORE = (
    "", "", "the ", "the ", "a picture of ", "the big ", "the new ", "the famous ", "some ", "that old ",
    "good old ",
)
AFTER = (
    "", "", "", "", "", "", "again", "every day", "for an hour", "with a smile", "in the morning", "as always",
    "more than once", "and nothing else", "to everybody", "on monday",
)
DELAYS = (
    "", "", "", "", "", "after a short pause", "who had slept badly", "for the first time in years",
    "on that rainy afternoon", "although it was late", "as far as i remember", "with a cup of tea",
    "who never says much", "in a loud voice", "before anybody could ask",
    "whom i met by chance on the train last week",
)
DISTRACTIONS = (
    ", unlike the {o} nearby ,", ", who is no {o} ,", ", to the surprise of the {o} ,", ", and not the {o} ,",
    ", whose father was a {o} ,", ", while the {o} was asleep ,", ", before the {o} came ,",
)
JOINTS = (", but", ", and then", "; meanwhile", ", whereas", ", and after that", "; an hour later")
TRANSITIONS = ("the talk went on :", "there was a noise , but", "it was almost noon , and")
World = tuple[str, str]


def kept_out(world: World, person: str, word: str) -> bool:
    """People or scenes that training never shows with this word; every held-out sentence has such a pair.

    Only in worlds of several words: who belongs to one word alone would not be shown at all.
    """
    return world[1] in ("", "fruit") and zlib.crc32(f"{person}/{word}".encode()) % 6 == 0


class Writer:
    """Writes sentences, each drawn from the same stream of random numbers."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.unseen = False

    def world_of(self, word: str, company: bool) -> World:
        return ("COMPANY", "") if company else ("NATURE", "fruit" if word in FRUITS else word)

    def half(self, word: str, company: bool) -> tuple[str, str]:
        """A clause about `word`, and the tag of that word."""
        pick, world = self.draw.choice, self.world_of(word, company)
        bystander = pick(PEOPLE[self.world_of(word, self.draw.random() < 0.5)])
        distraction = pick(DISTRACTIONS).format(o=bystander) if self.draw.random() < 0.2 else ""
        if self.draw.random() < 0.3:
            person = pick(SCENES[world])
            start = f"{person} {pick(NEUTRAL_PEOPLE)}"
        else:
            person = pick(PEOPLE[world])
            start = f"{pick(('the', 'a', 'our', 'that'))} {person}"
        self.unseen = self.unseen or kept_out(world, person, word)
        return f"{start} {distraction or pick(DELAYS)} {pick(ACTS)} {pick(BEFORE)}{word} {pick(AFTER)}", world[0]

    def sentence(self) -> tuple[list[str], list[str]]:
        """One or two halves, or one half with a neutral beginning; words and their tags."""
        kind, pick = self.draw.random(), self.draw.choice
        company = self.draw.random() < 0.5
        first, second = self.draw.sample(AMBIGUOUS, 2)
        text, tag = self.half(first, company)
        senses = {first: tag}
        if kind < 0.4:
            later, senses[second] = self.half(second, (not company) if self.draw.random() < 0.75 else company)
            text = f"{text} {pick(JOINTS)} {later}"
        elif kind < 0.55:
            text = f"{pick(TRANSITIONS)} {text}"
        words = re.sub(r"\ba (?=[aeiou])", "an ", f"{text} .").split()
        return words, [senses.get(word, "OTHER") for word in words]


def generate(seed: int, size: int, *, held_out: bool = False) -> list[tuple[list[str], list[str]]]:
    """`size` sentences as words and their tags; the same for the same arguments."""
    writer = Writer(seed)
    sentences: list[tuple[list[str], list[str]]] = []
    while len(sentences) < size:
        writer.unseen = False
        sentence = writer.sentence()
        if writer.unseen == held_out:
            sentences.append(sentence)
    return sentences


def main() -> None:
    """Write the training sentences, one line each."""
    lines = [
        " ".join(word if tag == "OTHER" else f"{word}/{tag}" for word, tag in zip(words, tags, strict=True)) + "\n"
        for words, tags in generate(TRAIN_SEED, TRAIN_SIZE)
    ]
    (HERE / "train.txt").write_text("".join(lines), encoding="ascii", newline="\n")


if __name__ == "__main__":
    main()
