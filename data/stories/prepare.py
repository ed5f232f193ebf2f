"""Short stories from a grammar of its own, for character-level language modelling.

A story has a cast with names, jobs and pronouns, two places, a thing that matters and one of ten plots. A plot is a
list of beats, a beat has several wordings, and a wording has alternatives in [square|brackets], which nest. Slots in
{braces} are filled from the cast, so names recur within a story and verbs and pronouns agree with them. The words and
the wordings are in `grammar.txt`.

Run as a script, this writes `train.txt` beside it, the same bytes on every machine.
"""

from __future__ import annotations

import random
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

CHARACTERS = "\n \"',-.;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TRAIN_SEED = 20_170_612
TRAIN_BYTES = 1_000_000
HERE = Path(__file__).parent
WORDS = {"women", "men", "jobs", "traits", "towns", "things", "plural things", "qualities", "animals"}
PHRASES = {"place": "places", "other": "places", "food": "foods", "smell": "smells", "sound": "sounds"}
DEEDS = {"deed": "deeds", "deed2": "deeds"}
ROLES = "hfge"

def kept_out(name: str, town: str) -> bool:
    """Heroes that never live in this town in the training text; every held-out story has such a pair."""
    return zlib.crc32(f"{name}/{town}".encode()) % 6 == 0


@dataclass(frozen=True)
class Person:
    """A character, with the pronouns that go with the name."""

    name: str
    woman: bool
    job: str
    trait: str

    def __str__(self) -> str:
        return self.name

    @property
    def he(self) -> str:
        return "she" if self.woman else "he"

    @property
    def him(self) -> str:
        return "her" if self.woman else "him"

    @property
    def his(self) -> str:
        return "her" if self.woman else "his"

    @property
    def self(self) -> str:
        return self.him + "self"

    @property
    def man(self) -> str:
        return "woman" if self.woman else "man"

    @property
    def kin(self) -> str:
        return "sister" if self.woman else "brother"

    @property
    def elder(self) -> str:
        return "grandmother" if self.woman else "grandfather"


@dataclass(frozen=True)
class Thing:
    """What the story turns on; singular or plural, and everything said about it agrees."""

    noun: str
    quality: str
    plural: bool

    def __str__(self) -> str:
        return self.noun

    @property
    def a(self) -> str:
        return f"some {self.quality} {self.noun}" if self.plural else f"a {self.quality} {self.noun}"

    @property
    def the(self) -> str:
        return f"the {self.quality} {self.noun}"

    @property
    def it(self) -> str:
        return "they" if self.plural else "it"

    @property
    def it_(self) -> str:
        return "them" if self.plural else "it"

    @property
    def was(self) -> str:
        return "were" if self.plural else "was"

    @property
    def is_(self) -> str:
        return "are" if self.plural else "is"

    @property
    def has(self) -> str:
        return "have" if self.plural else "has"

    @property
    def this(self) -> str:
        return "these" if self.plural else "this"

    @property
    def belongs(self) -> str:
        return "belong" if self.plural else "belongs"


CHOICE = re.compile(r"\[([^\[\]]*)\]")
CAPITALS = {"He": "he", "His": "his", "It": "it", "The": "the", "This": "this"}


def choose(template: str, draw: random.Random) -> str:
    """Choose among the alternatives in brackets, from the inside out."""
    while (found := CHOICE.search(template)) is not None:
        template = template[: found.start()] + draw.choice(found.group(1).split("|")) + template[found.end() :]
    return template


def expand(template: str, slots: dict[str, object], draw: random.Random) -> str:
    """Choose, fill the slots, and mend articles and capitals."""
    template = choose(template, draw)
    lowered = re.sub(r"\{(\w)\.(He|His|It|The|This)\}", lambda m: f"{{{m[1]}.{CAPITALS[m[2]]}}}", template)
    text = lowered.format_map(slots)
    text = re.sub(r"\b([Aa]) (?=[aeio]|u[gm]|hon|hour)", r"\1n ", text)
    return re.sub(r"(^\W*|\.\"? \"?|\? \"?)([a-z])", lambda m: m[1] + m[2].upper(), text)


def read_grammar() -> dict[str, list[list[str]]]:
    """Section name -> beats -> wordings. A list of words has one beat, with one word per wording."""
    grammar: dict[str, list[list[str]]] = {}
    for section in (HERE / "grammar.txt").read_text(encoding="ascii").split("\n== ")[1:]:
        name, body = section.split("\n", 1)
        if name in WORDS:
            grammar[name] = [[item.strip() for item in body.replace("\n", " ").split(",")]]
        else:
            grammar[name] = [beat.splitlines() for beat in body.strip().split("\n\n")]
    return grammar


class Teller:
    """Tells stories, each drawn from the same stream of random numbers."""

    def __init__(self, seed: int, held_out: bool = False) -> None:
        self.draw = random.Random(seed)
        self.held_out = held_out
        self.grammar = read_grammar()
        self.plots = sorted(name for name in self.grammar if name.startswith("plot "))

    def pick(self, section: str) -> str:
        return self.draw.choice(self.grammar[section][0])

    def cast(self) -> dict[str, object]:
        """People, places and things of one story."""
        women, men = (self.draw.sample(self.grammar[section][0], len(ROLES)) for section in ("women", "men"))
        slots: dict[str, object] = {}
        for role, her_name, his_name in zip(ROLES, women, men, strict=True):
            woman = self.draw.random() < 0.5
            slots[role] = Person(her_name if woman else his_name, woman, self.pick("jobs"), self.pick("traits"))
        slots["town"], slots["town2"] = self.draw.sample(self.grammar["towns"][0], 2)
        plural = self.draw.random() < 0.3
        slots["t"] = Thing(self.pick("plural things" if plural else "things"), self.pick("qualities"), plural)
        slots["animal"] = self.pick("animals")
        for slot, section in PHRASES.items():
            slots[slot] = choose(self.pick(section), self.draw)
        return slots if kept_out(str(slots["h"]), str(slots["town"])) == self.held_out else self.cast()

    def deeds(self, slots: dict[str, object]) -> dict[str, str]:
        """What people do meanwhile: drawn anew for every sentence."""
        return {slot: choose(self.pick(section), self.draw).format_map(slots) for slot, section in DEEDS.items()}

    def tell(self) -> str:
        """One story: an opening, a friend, a plot with asides between its beats, and mostly an ending."""
        slots = self.cast()
        wordings = [self.pick("openings"), self.pick("friendship")]
        for beat in self.grammar[self.draw.choice(self.plots)]:
            if self.draw.random() < 0.4:
                wordings.append(self.pick(self.draw.choice(("weather", "thoughts", "talk"))))
            wordings.append(self.draw.choice(beat))
        if self.draw.random() < 0.7:
            wordings.append(self.pick("endings"))
        sentences = [expand(wording, slots | self.deeds(slots), self.draw) for wording in wordings]
        middle = self.draw.randrange(2, len(sentences) - 1)
        return " ".join(sentences[:middle]) + "\n" + " ".join(sentences[middle:])


def generate(seed: int, size: int, *, held_out: bool = False) -> list[str]:
    """`size` stories; the same for the same arguments. Held-out ones have heroes in towns that training never shows."""
    teller = Teller(seed, held_out)
    return [teller.tell() for _ in range(size)]


def main() -> None:
    """Write as many whole stories as fit into TRAIN_BYTES, one empty line between them."""
    teller, stories, size = Teller(TRAIN_SEED), [], 0
    while (size := size + len(story := teller.tell()) + 2) <= TRAIN_BYTES:
        stories.append(story)
    (HERE / "train.txt").write_text("\n\n".join(stories) + "\n", encoding="ascii", newline="\n")


if __name__ == "__main__":
    main()
