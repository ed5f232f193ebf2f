"""Real text: read where it lies, fetched where there is a network, and where there is neither, said so."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import textwrap
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from autograder import pairs, real_text
from autograder.d2l import load
from autograder.errors import CourseError, NoRealText
from autograder.kernel.sandbox import Sandbox

CORPORA = os.environ.get("COURSE_CORPORA", "")
FRA = (
    "Go.\tVa !\n"
    "Wait, Tom!\tAttends, Tom\u202f!\tCC-BY 2.0 (France)\n"
    "Who's there?\tQui est-ce\xa0?\n"
    "no translation\n"
    "\n"
    "He said: \"Run...\"\tIl a dit : « Courez... »\n"
)


@pytest.fixture(autouse=True)
def nothing_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("COURSE_TEXT", raising=False)
    monkeypatch.setenv("COURSE_CORPORA", str(tmp_path / "corpora"))


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """The calls that d2l's downloader would make; each fails like a machine without a network."""
    calls: list[dict[str, object]] = []
    requests = load().requests

    def get(url: str, **options: object) -> None:
        calls.append({"url": url, **options})
        raise requests.ConnectionError(f"HTTPConnectionPool(host='{url}', port=80): Max retries exceeded")

    monkeypatch.setattr(requests, "get", get)
    return calls


def lay(monkeypatch: pytest.MonkeyPatch, name: str, content: bytes) -> Path:
    """A file that passes for the real one."""
    folder = Path(os.environ["COURSE_CORPORA"])
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    monkeypatch.setitem(real_text.SHA1, name, hashlib.sha1(content).hexdigest())
    return folder / name


def lay_pairs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
        archive.writestr("fra-eng/_about.txt", "about")
        archive.writestr("fra-eng/fra.txt", text)
    lay(monkeypatch, "fra-eng.zip", (tmp_path / "made.zip").read_bytes())


def test_a_file_that_was_laid_there_is_read_without_a_network(
    monkeypatch: pytest.MonkeyPatch, no_network: list[dict[str, object]]
) -> None:
    lay(monkeypatch, "timemachine.txt", "The Time Traveller\r\nwas café\n".encode())
    assert real_text.time_machine() == "The Time Traveller\nwas café\n"
    assert no_network == []


def test_pairs_are_prepared_as_in_d2l(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_network: list[dict[str, object]]
) -> None:
    lay_pairs(monkeypatch, tmp_path, FRA)
    found = real_text.french_english()
    assert found[:2] == (
        pairs.SentencePair(("go", "."), ("va", "!")),
        pairs.SentencePair(("wait", ",", "tom", "!"), ("attends", ",", "tom", "!")),
    )
    theirs = load().MTFraEng
    two_columns = "\n".join("\t".join(line.split("\t")[:2]) for line in FRA.split("\n"))
    source, target = theirs._tokenize(None, theirs._preprocess(None, two_columns))
    assert [[*pair.source, "<eos>"] for pair in found] == source
    assert [[*pair.target, "<eos>"] for pair in found] == target
    assert all(pair.sure == pair.possible == () for pair in found)
    assert no_network == []


@pytest.mark.parametrize("max_pairs", [0, 1, 3, 4, 100])
def test_no_more_pairs_than_asked_for(max_pairs: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lay_pairs(monkeypatch, tmp_path, FRA)
    assert len(real_text.french_english(max_pairs)) == min(max_pairs, 4)


def test_an_archive_of_something_else_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    lay(monkeypatch, "fra-eng.zip", b"no archive")
    with pytest.raises(NoRealText, match=r"fra-eng\.zip can't be unpacked: BadZipFile"):
        real_text.french_english()


@pytest.mark.parametrize(("read", "name"), [(real_text.time_machine, "timemachine.txt"),
                                            (real_text.french_english, "fra-eng.zip")])
def test_without_file_and_network_the_message_says_what_to_lay_where(
    read: object, name: str, no_network: list[dict[str, object]], capfd: pytest.CaptureFixture[str]
) -> None:
    assert callable(read)
    with pytest.raises(CourseError) as caught:
        read()
    message = str(caught.value)
    for part in (name, os.environ["COURSE_CORPORA"], "ConnectionError", real_text.SHA1[name], "COURSE_CORPORA"):
        assert part in message
    assert "Max retries" not in message
    assert capfd.readouterr().err == ""


def test_the_downloader_gives_up_soon(no_network: list[dict[str, object]]) -> None:
    """d2l's own call sets no time limit and would wait for ever where packets vanish."""
    with pytest.raises(NoRealText):
        real_text.time_machine()
    (call,) = no_network
    assert call["timeout"] == real_text.SECONDS
    assert sum(real_text.SECONDS) <= 15
    assert load().requests.__name__ == "requests"


def serve(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(load().requests, "get", lambda url, **options: SimpleNamespace(content=content))


def test_what_is_fetched_is_kept_for_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(real_text.SHA1, "timemachine.txt", hashlib.sha1(b"the book").hexdigest())
    serve(monkeypatch, b"the book")
    assert real_text.time_machine() == "the book"
    serve(monkeypatch, b"another")
    assert real_text.time_machine() == "the book"


def test_a_page_that_says_not_found_is_no_book_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, b"<html>404")
    with pytest.raises(NoRealText, match="another SHA-1"):
        real_text.time_machine()
    assert not list(Path(os.environ["COURSE_CORPORA"]).glob("*"))


def test_a_file_of_another_edition_stays_and_is_named(
    monkeypatch: pytest.MonkeyPatch, no_network: list[dict[str, object]]
) -> None:
    path = lay(monkeypatch, "timemachine.txt", b"my own edition")
    monkeypatch.setitem(real_text.SHA1, "timemachine.txt", "0" * 40)
    with pytest.raises(NoRealText, match="a file of that name lies there"):
        real_text.time_machine()
    assert path.read_bytes() == b"my own edition"


def test_a_folder_that_cannot_be_written_is_an_error_that_can_be_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_CORPORA", str(tmp_path / "file" / "folder"))
    monkeypatch.setitem(real_text.SHA1, "timemachine.txt", hashlib.sha1(b"the book").hexdigest())
    serve(monkeypatch, b"the book")
    with pytest.raises(NoRealText, match="can't be had"):
        real_text.time_machine()


def test_the_checksums_are_those_of_d2l() -> None:
    url, sha1 = load().DATA_HUB["fra-eng"]
    assert url.endswith("/fra-eng.zip")
    assert sha1 == real_text.SHA1["fra-eng.zip"]


def test_nobody_who_did_not_ask_gets_a_real_text(monkeypatch: pytest.MonkeyPatch) -> None:
    lay(monkeypatch, "timemachine.txt", b"the book")
    assert real_text.asked("timemachine") is None
    monkeypatch.setenv("COURSE_TEXT", "fra-eng")
    assert real_text.asked("timemachine") is None
    monkeypatch.setenv("COURSE_TEXT", "fra-eng, timemachine")
    assert real_text.asked("timemachine") == "the book"


def test_who_asks_in_vain_is_told_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, no_network: list[dict[str, object]], capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COURSE_TEXT", "fra-eng")
    assert real_text.asked("fra-eng") is None
    said = capfd.readouterr()
    assert "goes on with the data of the course" in said.out
    assert "fra-eng.zip can't be had" in said.out
    assert said.err == ""


def test_a_text_that_does_not_exist_is_a_mistake_of_the_lesson() -> None:
    with pytest.raises(ValueError, match="timemachine"):
        real_text.asked("moby-dick")  # type: ignore[call-overload]


@pytest.mark.skipif(not CORPORA, reason="COURSE_CORPORA names no folder with the book")
def test_the_real_book(monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path(CORPORA, "timemachine.txt").is_file():
        pytest.skip("there is no timemachine.txt in COURSE_CORPORA")
    monkeypatch.setenv("COURSE_CORPORA", CORPORA)
    assert "Time Traveller" in real_text.time_machine()


@pytest.mark.sandbox
@pytest.mark.skipif(not shutil.which("bwrap"), reason="needs bubblewrap")
def test_in_the_sandbox_the_lesson_goes_on_at_once_and_without_a_warning() -> None:
    source = """
        import contextlib, io, json, os
        os.environ["COURSE_TEXT"] = "timemachine,fra-eng"
        from autograder import real_text
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            found = [real_text.asked("timemachine"), real_text.asked("fra-eng")]
        print(json.dumps([found, out.getvalue(), err.getvalue()]))
    """
    with Sandbox() as box:
        box.wait_warm()
        with box.fork() as kernel:
            reply = kernel.execute(textwrap.dedent(source))
    assert reply.status == "ok", (reply.status, reply.error)
    assert [output["name"] for output in reply.outputs] == ["stdout"]
    found, out, err = json.loads(reply.outputs[0]["text"])
    assert found == [None, None]
    assert out.count("goes on with the data of the course") == 2
    assert err == ""
