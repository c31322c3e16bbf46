"""Words of names."""

from forecaster.files.names import ID_NAMES, TIME_NAMES, has_word


def test_words_of_names():
    assert has_word("Date Time", TIME_NAMES) and has_word("start_date", TIME_NAMES)
    assert not has_word("update", TIME_NAMES) and has_word("Store_ID", ID_NAMES)
