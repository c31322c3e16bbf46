"""Files that must be refused, a line each: one clear error, with the option that helps."""

import gzip

import pytest

from forecaster import read_table
from forecaster.files.settings import FileOptions
from forecaster.files.table import read_file
from tests.forecaster.files.test_awkward_files import PLAIN, rows, zipped

REFUSED = [
    ("nothing", "", {}, "must hold a table. Received: an empty file"),
    ("blanks", " \n\n ", {}, "an empty file"),
    ("comments", "# a\n# b\n", {}, "lines of comments alone"),
    ("a header", "day,north\n", {}, "a header without rows"),
    ("a byte of zeros", PLAIN.encode() + b"2020-02-02,\x004\n", {}, "a byte of zeros in line 5"),
    ("a picture", b"\x89PNG\r\n\x1a\n\x00\x00", {}, "a picture"),
    ("a PDF", b"%PDF-1.4 ...", {}, "a PDF"),
    ("an old workbook", b"\xd0\xcf\x11\xe0\xa1\xb1", {}, "Save it as .xlsx"),
    ("noise", bytes(range(1, 32)) * 9, {}, "a binary file"),
    ("a page", "<!DOCTYPE html>\n<html><body>404</body></html>", {}, "a page of HTML"),
    ("no UTF-8, said to be", "a;ü\n".encode("cp1252"), {"encoding": "utf-8"}, "line 1 that are no utf-8"),
    ("nearly UTF-8", "day,Käufe\n2020-01-30,1\n".encode() + b"2020-01-31,\xff\n", {}, "bytes in line 3 that are no UTF-8"),
    ("times in two formats", rows(["2020-01-30", "31/01/2020", "2020-02-01"]), {}, "must name a column of times. Received: 31/01/2020 in 'day', where most are like 2020-01-30"),
    ("an unknown encoding", PLAIN, {"encoding": "latin-x"}, "`encoding` must be one that Python knows"),
    ("a cell too many", PLAIN + "2020-02-02,4,5\n", {}, "3 cells in line 5, where most lines have 2"),
    ("a cell too few", "a,b,c\n2020-01-01,1,2\n2020-01-02,1\n2020-01-03,1,2\n", {}, "2 cells in line 3"),
    ("rows before of another width", "a,b\n2020-01-01,1\n2020-01-02,1,1\n2020-01-03,1,1\n2020-01-04,1,1\n", {}, "2 cells in line 2"),
    ("a last line that was cut", PLAIN + "2020-0", {}, "1 cells in line 5"),
    ("an open quote", 'day,north\n2020-01-30,"1\n2020-01-31,2\n', {}, "quotes that do not match"),
    ("decimal commas between commas", "day,north\n2020-01-30,1,5\n2020-01-31,2,5\n", {}, "2 names in line 1, but 3 cells"),
    ("two columns of a name", PLAIN.replace("day,north", "day,day"), {}, "several columns called day"),
    ("a damaged gzip", gzip.compress(PLAIN.encode())[:-9], {}, "a damaged archive"),
    ("a damaged zip", zipped(a=PLAIN)[:-30], {}, "a damaged archive"),
    ("two files in a zip", zipped(a=PLAIN, b=PLAIN), {}, "an archive of 2 files: a, b"),
    ("a damaged Parquet file", b"PAR1" + bytes(40), {}, "a damaged file"),
    ("JSON that breaks off", '{"day": "2020-01-30"}\n{"day": ', {}, "breaks in line 2"),
    ("JSON in JSON", '[{"day": "2020-01-30", "north": {"a": 1}}]', {}, "records inside of 'north'"),
    ("no records", '["a", "b"]', {}, "JSON without records"),
    ("day or month", rows(["03/04/2020", "04/04/2020"]), {}, "`time_format` must be given .* 03/04/2020 in 'day', which may be 3 April 2020 or 4 March 2020. Give `time_format` %d/%m/%Y or %m/%d/%Y"),
    ("day, month or year", rows(["01-02-03", "02-02-03"]), {}, "or 3 February 2001"),
    ("a day that is none", rows([f"2020-01-{i:02}" for i in range(1, 20)] + ["2020-13-45"]), {}, "`time_column` must name a column of times. Received: 2020-13-45 in 'day'"),
    ("a format that does not fit", PLAIN, {"time_format": "%d/%m/%Y", "time_column": "day"}, "Received: 2020-01-30, 2020-01-31, 2020-02-01 in 'day'"),
    ("no time in a row", PLAIN + ",4\n", {}, "a time in every row. Received: none of 'day' in line 5"),
    ("no times", "north,south\n5,1\n7,2\n6,9\n", {}, "`time_column` must be given .* columns 'north', 'south'. Name one, with its `time_format`, or give `freq=1`"),
    ("times in words", rows(["1st Jan", "2nd Jan"]), {}, "'day' holds 1st Jan, 2nd Jan. Name one, with its `time_format`"),
    ("times that are none", PLAIN.replace("2020", "a"), {"time_column": "day"}, "must name a column of times. Received: 'day' with a-01-30"),
    ("times alone", "day\n2020-01-30\n2020-01-31\n", {}, "no column of numbers to forecast; only times"),
    ("texts alone", rows(DAYS := ["2020-01-30", "2020-01-31"], "day,a\n").replace(",1", ",x").replace(",2", ",y"), {}, "no column of numbers to forecast"),
    ("an unknown time", PLAIN, {"time_column": "dya"}, "`time_column` must name columns of `data`. Received: unknown dya. Did you mean day"),
    ("an unknown id", PLAIN, {"id_column": "shop"}, "`id_column` must name columns of `data`. Received: unknown shop"),
    ("1,234 between semicolons", "day;y\n2020-01-30;1,234\n2020-01-31;2,345\n", {}, "`decimal` must be given .* 1,234 may be 1234 or 1.234. Give `decimal='.'` for 1234, or `decimal=','` for 1.234"),
    ("1.234 beside 950", "day,y\n2020-01-30,1.234\n2020-01-31,950\n", {}, "1.234 may be 1234 or 1.234. Give `decimal=','` for 1234"),
    ("two decimal marks", "day;a;b\n2020-01-30;1,5;1.5\n2020-01-31;2,5;2.5\n", {}, "`decimal` must be the same in all numbers. Received: 1,5, 1.5|1.5, 1,5"),
    ("a text in the first row", "t,y\n1,oops\n" + "".join(f"{i},{i * i}\n" for i in range(2, 22)), {}, "no numbers in column 'y': 'oops' in line 2"),
    ("one text among numbers", "day,y\n" + "".join(f"2020-01-{i:02},{i}\n" for i in range(1, 21)) + "2020-01-21,oops\n", {}, "no numbers in column 'y': 'oops' in line 22"),
    ("a wrong separator", PLAIN, {"separator": "::"}, "`separator` must be one character"),
    ("a wrong decimal mark", PLAIN, {"decimal": ";"}, "`decimal` must be a point or a comma"),
    ("twice the same mark", PLAIN, {"decimal": ",", "thousands": ","}, "`thousands` must be another mark"),
    ("two columns of ids", "day,a,b,y\n" + "".join(f"2020-01-{d:02},{a},{b},1\n" for d in (1, 2, 3) for a in "xy" for b in "vw"), {}, "`id_column` must name .* told apart by 'a' and 'b' together"),
    ("stores and items", "day,store,item,y\n" + "".join(f"2020-01-{d:02},{a},{b},1\n" for d in (1, 2, 3) for a in (1, 2) for b in (3, 4)), {}, "told apart by 'store' and 'item' together"),
    ("numbers that may be ids", "day,k,y\n" + "".join(f"2020-01-{d:02},{k},{d + k / 10}\n" for d in (1, 2, 3) for k in (1, 2)), {}, "told apart by 'k'. Name one"),
    ("times twice", PLAIN + "2020-02-01,4\n", {}, "several rows at 2020-02-01 00:00:00, told apart by no column. Correct them"),
    ("percent and not", "day,y\n2020-01-30,1%\n2020-01-31,2\n", {"time_column": "day"}, "no column of numbers to forecast"),
    ("ids twice", "day,shop,city,y\n" + "".join(f"2020-01-{d:02},{a},{a * 2},1\n" for d in (1, 2, 3) for a in "xy"), {}, "told apart by 'shop', 'city'"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "options", "message"), [pytest.param(*case, id=name) for name, *case in REFUSED]
)
def test_a_file_is_refused_with_one_clear_error(tmp_path, content, options, message):
    file = tmp_path / "data"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises((ValueError, TypeError), match=message) as refusal:
        read_table(file, **options)
    assert "\n" not in str(refusal.value) or "quote" in message


def test_a_folder_and_a_missing_file(tmp_path):
    with pytest.raises(IsADirectoryError, match=r"Received: a folder without any"):
        read_table(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"none\.csv"):
        read_table(tmp_path / "none.csv")


def test_on_the_command_line_messages_speak_of_options(tmp_path):
    file = tmp_path / "data"
    for content, message in [
        (
            rows(["03/04/2020", "04/04/2020"]),
            "--time-format must .* Give --time-format %d/%m/%Y or",
        ),
        (
            "day;y\n2020-01-30;1,234\n2020-01-31;2,345\n",
            "--decimal must .* Give --decimal . for 1234",
        ),
        ("north\n5\n7\n6\n", "--time must be given .* or give --freq 1 if"),
        ("day,north\n", "give|values: --no-header"),
    ]:
        file.write_text(content)
        with (
            pytest.raises(ValueError, match=message)
            if message[-1] != "|"
            else pytest.raises(ValueError)
        ):
            read_file(file, FileOptions(on_command_line=True))
