from smotext.filters.near_duplicates import near_duplicate_groups, ngram_set, overlaps

LONG = "the quick brown fox jumps over the lazy dog while nine old hens look on in wonder"


def test_a_text_of_n_words_has_one_ngram_and_each_further_word_one_more():
    assert len(ngram_set(" ".join(LONG.split()[:13]))) == 1
    assert len(ngram_set(LONG)) == len(LONG.split()) - 12


def test_thirteen_shared_words_in_a_row_are_an_overlap_and_twelve_are_none():
    thirteen, twelve = " ".join(LONG.split()[2:15]), " ".join(LONG.split()[2:14])
    assert overlaps([f"someone wrote {thirteen} and more"], [LONG]).tolist() == [True]
    assert overlaps([f"someone wrote {twelve} and more"], [LONG]).tolist() == [False]


def test_short_texts_overlap_only_as_a_whole():
    assert overlaps(["Call me now!", "call me", "please call me now"], ["call me now"]).tolist() == [True, False, False]


def test_texts_without_words_overlap_with_nothing():
    assert overlaps(["", "?!"], ["", "?!"]).tolist() == [False, False]


def test_groups_are_chains_of_overlaps():
    first, second = "a b c d e", "d e f g h"
    bridge = "b c d e f g"
    assert near_duplicate_groups([first, second, "z"], n=4).tolist() == [0, 1, 2]
    assert near_duplicate_groups([first, second, "z", bridge], n=4).tolist() == [0, 0, 1, 0]
