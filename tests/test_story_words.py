"""The stories as words: nothing is lost, nothing is unknown, and sentences end where they end."""

from __future__ import annotations

from autograder import data, story_words

SAMPLE = 'Paul had a goose. "Has anyone seen it?" called Nils. "No." Nobody moved, said Ida.\nIt was a half-tame goose.'


def test_sentences_end_at_their_marks_and_words_are_lower_case() -> None:
    assert [" ".join(sentence) for sentence in story_words._document(SAMPLE)] == [
        "paul had a goose .", '" has anyone seen it ? " called nils .', '" no . "', "nobody moved , said ida .",
        "it was a half-tame goose .",
    ]


def test_no_letter_of_the_stories_is_lost() -> None:
    found = "".join(word for document in story_words.documents() for sentence in document for word in sentence)
    assert found == "".join(data.stories().lower().split())
    assert len(story_words.documents()) == data.stories().count("\n\n") + 1


def test_no_document_holds_an_empty_sentence() -> None:
    assert all(sentence for document in story_words.documents() for sentence in document)
    assert all(len(document) >= 5 for document in story_words.documents())


def test_the_vocabulary_knows_every_word_of_new_stories() -> None:
    vocabulary = story_words.vocabulary()
    assert vocabulary.tokens[:5] == story_words.SPECIALS
    assert len(set(vocabulary.tokens)) == len(vocabulary)
    words = [word for document in story_words.held_out_documents(3, 50) for s in document for word in s]
    assert story_words.UNK not in vocabulary.encode(words)
    assert vocabulary.encode(["a word never seen"]) == [story_words.UNK]


def test_windows_are_whole_and_stay_within_their_story() -> None:
    documents = story_words.held_out_documents(3, 4)
    rows = story_words.windows(documents, 30)
    lengths = [sum(map(len, document)) for document in documents]
    assert len(rows) == sum(length // 30 for length in lengths)
    assert {len(row) for row in rows} == {32}
    assert {row[0] for row in rows} == {story_words.CLS}
    assert {row[-1] for row in rows} == {story_words.SEP}
    first = story_words.vocabulary().encode(word for sentence in documents[0] for word in sentence)
    assert [i for row in rows[: lengths[0] // 30] for i in row[1:-1]] == first[: lengths[0] // 30 * 30]


def test_held_out_documents_are_the_same_for_the_same_arguments() -> None:
    assert story_words.held_out_documents(5, 3) == story_words.held_out_documents(5, 3)
    assert story_words.held_out_documents(5, 3) != story_words.held_out_documents(6, 3)
