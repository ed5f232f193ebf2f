"""Text that people wrote, which the course does not ship: the data sets of Dive into Deep Learning.

Zhang et al. (2023), sections 9.2 and 10.5. d2l's own downloader fetches them, and reuses a file with the right SHA-1
that lies in the folder COURSE_CORPORA or in `../data`. A lesson asks for them where the switch COURSE_TEXT names them,
as `COURSE_TEXT=timemachine` or `COURSE_TEXT=timemachine,fra-eng` does, and goes on with its own data otherwise:

    book = real_text.asked("timemachine")
    text = data.stories() if book is None else book
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, overload

from autograder.d2l import load
from autograder.errors import NoRealText
from autograder.pairs import SentencePair

SHA1 = {
    "timemachine.txt": "090b5e7e70c295757f55df93cb0a180b9691891a",
    "fra-eng.zip": "94646ad1522d915e7b0f9296181140edcf86a4f5",
}
SECONDS = (3.0, 10.0)
"""How long to wait for a connection, and for the next bytes."""
NO_BREAK = str.maketrans({"\u202f": " ", "\xa0": " "})


def time_machine() -> str:
    """H. G. Wells, *The Time Machine* (1895), as d2l gives it. Raises NoRealText."""
    return _file("timemachine.txt").read_text(encoding="utf-8")


def french_english(max_pairs: int | None = None) -> tuple[SentencePair, ...]:
    """English sentences with a French translation, from Tatoeba, without alignment; the shortest come first.

    Prepared as in d2l: lower case, blanks that may break, a blank before a mark. Raises NoRealText.
    """
    archive = _file("fra-eng.zip")
    d2l = _d2l()
    with tempfile.TemporaryDirectory() as folder:
        try:
            d2l.extract(str(archive), folder)
            text = Path(folder, "fra-eng", "fra.txt").read_text(encoding="utf-8")
        except (OSError, zipfile.BadZipFile) as error:
            raise NoRealText(f"{archive} can't be unpacked: {_what(error)}") from error
    return tuple(_pairs(text, max_pairs))


def _pairs(text: str, max_pairs: int | None) -> Iterator[SentencePair]:
    made = 0
    for line in text.split("\n"):
        source, tab, rest = line.partition("\t")
        target = rest.partition("\t")[0].rstrip("\r")
        if made == max_pairs:
            return
        if tab and source.strip() and target.strip():
            made += 1
            yield SentencePair(_words(source), _words(target))


def _words(sentence: str) -> tuple[str, ...]:
    spaced = re.sub(r"(?<! )([,.!?])", r" \1", sentence.translate(NO_BREAK).lower())
    return tuple(word for word in spaced.split(" ") if word)


@overload
def asked(name: Literal["timemachine"]) -> str | None: ...
@overload
def asked(name: Literal["fra-eng"]) -> tuple[SentencePair, ...] | None: ...
def asked(name: str) -> str | tuple[SentencePair, ...] | None:
    """The text, where COURSE_TEXT asks for it and it can be had; else None, with a word on why it can't."""
    if name not in ("timemachine", "fra-eng"):
        raise ValueError(f'there is no real text called {name!r}; there are "timemachine" and "fra-eng"')
    if name not in os.environ.get("COURSE_TEXT", "").replace(" ", "").split(","):
        return None
    try:
        return time_machine() if name == "timemachine" else french_english()
    except NoRealText as error:
        print(f"{error}\nThe lesson goes on with the data of the course.")
        return None


def folders() -> list[Path]:
    """Where such files may lie; the first is where they are downloaded to."""
    named = os.environ.get("COURSE_CORPORA")
    return [Path(named)] if named else [Path("../data")]


def _sha1(path: Path) -> str:
    try:
        return hashlib.sha1(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _file(name: str) -> Path:
    """The file, laid there by hand or downloaded. Raises NoRealText."""
    for folder in folders():
        if _sha1(folder / name) == SHA1[name]:
            return folder / name
    return _download(name, folders()[0])


def _download(name: str, folder: Path) -> Path:
    d2l = _d2l()
    url, tried = d2l.DATA_URL + name, f"in {folder.absolute()}"
    if (folder / name).exists():
        tried += " (a file of that name lies there, but its SHA-1 is another)"
    try:
        print(f"Fetching {name} from {url}")
        with tempfile.TemporaryDirectory() as new, _short_timeouts(d2l), redirect_stdout(io.StringIO()):
            fetched = Path(d2l.download(url, new, SHA1[name]))
            if _sha1(fetched) != SHA1[name]:
                raise OSError("what came has another SHA-1")
            folder.mkdir(parents=True, exist_ok=True)
            shutil.move(fetched, folder / name)
    except OSError as error:
        raise NoRealText(
            f"{name} can't be had: looked {tried}, and asked {url}: {_what(error)}.\n"
            f"Lay {name}, with the SHA-1 {SHA1[name]}, into a folder and name the folder in COURSE_CORPORA, or connect "
            "to a network."
        ) from error
    return folder / name


def _d2l() -> Any:
    try:
        return load()
    except ImportError as error:
        raise NoRealText(str(error)) from error


@contextmanager
def _short_timeouts(d2l: Any) -> Iterator[None]:
    """Within it d2l's downloader, which sets no time limit, gives up after `SECONDS`."""
    requests = d2l.requests
    d2l.requests = SimpleNamespace(get=partial(requests.get, timeout=SECONDS))
    try:
        yield
    finally:
        d2l.requests = requests


def _what(error: BaseException) -> str:
    """The error in one short line, without the addresses that urllib3 tells of."""
    text = str(error).split("\n")[0]
    return f"{type(error).__name__}" + (f" ({text})" if len(text) < 80 and text else "")
