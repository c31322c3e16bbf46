"""Awkward files that are read right: a line each, with what must come out.

A line is a name, the content, options of `read_table`, the times, the columns with their values, and
perhaps a piece of what is said of it. Those that must be refused are in `test_refused_files.py`.
"""

import bz2
import gzip
import io
import json
import lzma
import zipfile

import pandas as pd
import pytest

from forecaster import read_table

DAYS = ["2020-01-30", "2020-01-31", "2020-02-01"]
MONTHS = ["1949-01-01", "1949-02-01", "1949-03-01"]
HOURS = ["2020-01-01 22:00", "2020-01-01 23:00", "2020-01-02 00:00"]
YEARS = ["1949-01-01", "1950-01-01", "1951-01-01"]
NORTH = {"north": [1, 2, 3]}
PLAIN = "day,north\n2020-01-30,1\n2020-01-31,2\n2020-02-01,3\n"


def rows(times, header="day,north\n", sep=",", end="\n"):
    """A file of `NORTH` with these texts as times."""
    return header + "".join(f"{time}{sep}{i}{end}" for i, time in enumerate(times, 1))


def zipped(**files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()


SEPARATORS = [
    ("comma", PLAIN, {}, DAYS, NORTH),
    ("semicolon", PLAIN.replace(",", ";"), {}, DAYS, NORTH, "separator semicolon"),
    ("tab", PLAIN.replace(",", "\t"), {}, DAYS, NORTH),
    ("pipe", PLAIN.replace(",", "|"), {}, DAYS, NORTH),
    ("blanks", PLAIN.replace(",", "   "), {}, DAYS, NORTH),
    ("blanks on both sides", "  day  north\n 2020-01-30 1 \n 2020-01-31 2\n 2020-02-01  3\n", {}, DAYS, NORTH),
    ("a named one", PLAIN.replace(",", "~"), {"separator": "~"}, DAYS, NORTH),
    ("a tab by name", PLAIN.replace(",", "\t"), {"separator": "tab"}, DAYS, NORTH),
    ("blanks in times, commas between", rows(["2020-01-01 22:00", "2020-01-01 23:00", "2020-01-02 00:00"]), {}, HOURS, NORTH),
    ("a comma at the end of each row", "day,north,south\n2020-01-30,1,7\n".replace("\n", ",\n", 2).replace("south,", "south") + "2020-01-31,2,8,\n2020-02-01,3,9,\n", {}, DAYS, {**NORTH, "south": [7, 8, 9]}),
    ("a comma at the end of all lines", "day,north,\n2020-01-30,1,\n2020-01-31,2,\n2020-02-01,3,\n", {}, DAYS, NORTH),
    ("a comma at the end of the header", "day,north,\n2020-01-30,1\n2020-01-31,2\n2020-02-01,3\n", {}, DAYS, NORTH),
    ("quotes", '"day","north"\n"2020-01-30","1"\n"2020-01-31","2"\n"2020-02-01","3"\n', {}, DAYS, NORTH),
    ("separators in quotes", 'day,"north, far"\n2020-01-30,1\n2020-01-31,2\n2020-02-01,3\n', {}, DAYS, {"north, far": [1, 2, 3]}),
    ("a line break in quotes", 'day,"north\nfar"\n2020-01-30,1\n2020-01-31,2\n2020-02-01,3\n', {}, DAYS, {"north\nfar": [1, 2, 3]}),
    ("apostrophes", PLAIN.replace("day,north", "'day','north'"), {}, DAYS, NORTH),
    ("Excel's hint", "sep=;\n" + PLAIN.replace(",", ";"), {}, DAYS, NORTH),
    ("a table of Markdown", "| day | north |\n|---|---|\n| 2020-01-30 | 1 |\n| 2020-01-31 | 2 |\n| 2020-02-01 | 3 |\n", {}, DAYS, NORTH),
    ("CRLF", PLAIN.replace("\n", "\r\n"), {}, DAYS, NORTH),
    ("CR", PLAIN.replace("\n", "\r"), {}, DAYS, NORTH),
    ("no line end at the end", PLAIN.rstrip(), {}, DAYS, NORTH),
    ("blank lines", PLAIN.replace("\n", "\n\n"), {}, DAYS, NORTH),
    ("lines of separators", PLAIN + ",\n,\n", {}, DAYS, NORTH),
]  # fmt: skip
HEADS = [
    ("none", "2020-01-30,1\n2020-01-31,2\n2020-02-01,3\n", {}, DAYS, {"column 2": [1, 2, 3]}, "no header"),
    ("none, and it is said", "2020-01-30,1\n2020-01-31,2\n2020-02-01,3\n", {"header": False}, DAYS, {"column 2": [1, 2, 3]}),
    ("numbers", "date,0,1\n2020-01-30,1,7\n2020-01-31,2,8\n2020-02-01,3,9\n", {}, DAYS, {"0": [1, 2, 3], "1": [7, 8, 9]}),
    ("comments", "# from a station\n# of 2020\n" + PLAIN, {}, DAYS, NORTH),
    ("comments between", PLAIN.replace("2020-01-31", "# gap\n2020-01-31"), {}, DAYS, NORTH, "without 1 lines that begin with #"),
    ("names in a comment", "# day north\n2020-01-30 1\n2020-01-31 2\n2020-02-01 3\n", {}, DAYS, NORTH),
    ("names in a comment further above", "# KNMI\n# day,north\n#\n\n2020-01-30,1\n2020-01-31,2\n2020-02-01,3\n", {}, DAYS, NORTH),
    ("a title", "Sales of the north\n\n" + PLAIN, {}, DAYS, NORTH, "without line 1 (Sales of the north)"),
    ("a preamble of the same width", "Station,Wien\nHeight,198 m\n" + PLAIN, {}, DAYS, NORTH, "without lines 1 (Station Wien), 2"),
    ("a preamble with numbers", "Station,Wien\nHeight,198\n" + PLAIN, {}, DAYS, NORTH),
    ("units", PLAIN.replace("north\n", "north\nyyyy-mm-dd,degC\n"), {}, DAYS, NORTH, "without line 2"),
    ("units in brackets", PLAIN.replace("north\n", "north\n,[m/s]\n"), {}, DAYS, NORTH),
    ("the first row lacks its value", "day,north,south\n2020-01-30,NA,1\n2020-01-31,2,2\n2020-02-01,3,2\n", {}, DAYS, {"north": [None, 2, 3], "south": [1, 2, 2]}),
    ("a byte order mark", b"\xef\xbb\xbf" + PLAIN.encode(), {}, DAYS, NORTH),
    ("UTF-16", PLAIN.encode("utf-16"), {}, DAYS, NORTH),
    ("UTF-16 without a mark", PLAIN.encode("utf-16-le"), {}, DAYS, NORTH),
    ("cp1252", "Tag;Käufe\n2020-01-30;1\n2020-01-31;2\n2020-02-01;3\n".encode("cp1252"), {}, DAYS, {"Käufe": [1, 2, 3]}, "encoding cp1252"),
    ("a named encoding", "day,ціна\n2020-01-30,1\n2020-01-31,2\n2020-02-01,3\n".encode("cp1251"), {"encoding": "cp1251"}, DAYS, {"ціна": [1, 2, 3]}),
    ("a name with a sign", "Month,#Passengers\n1949-01,1\n1949-02,2\n1949-03,3\n", {}, MONTHS, {"#Passengers": [1, 2, 3]}),
    ("blanks around names", PLAIN.replace("day,north", " day , north "), {}, DAYS, NORTH),
    ("a column without name", PLAIN.replace("north", ""), {}, DAYS, {"column 2": [1, 2, 3]}),
    ("the header once more", PLAIN + "day,north\n2020-02-02,4\n", {}, [*DAYS, "2020-02-02"], {"north": [1, 2, 3, 4]}),
    ("R's row names", 'day north\n"1" 2020-01-30 1\n"2" 2020-01-31 2\n"3" 2020-02-01 3\n', {}, DAYS, NORTH, "'column 1' (row counter)"),
    ("R's dates as row names", "north\n2020-01-30 1\n2020-01-31 2\n2020-02-01 3\n", {}, DAYS, NORTH),
    ("a title with commas", "Report, of sales\nMade: 2020-02-02\n\n" + PLAIN, {}, DAYS, NORTH, "without lines 1 (Report of sales), 2 (Made: 2020-02-02)"),
    ("a total below years", "year,north\n1949,1\n1950,2\n1951,3\nTotal,6\n", {}, YEARS, NORTH, "without line 5 (Total 6)"),
    ("a missing value at the end", "t,north\n1,5\n2,7\n3,NA\n", {}, [1, 2, 3], {"north": [5, 7, None]}),
    ("a gap at the end of a first column", "north,day\n1,2020-01-30\n2,2020-01-31\nNA,2020-02-01\n", {}, DAYS, {"north": [1, 2, None]}),
    ("a total with a year", PLAIN + "Total 2020,6\n", {}, DAYS, NORTH, "without line 5 (Total 2020 6)"),
    ("a total", PLAIN + "Total,6\n", {}, DAYS, NORTH, "without line 5 (Total 6)"),
    ("a note at the end", PLAIN + "Source: the north\n", {}, DAYS, NORTH, "without line 5"),
]  # fmt: skip
NUMBERS = [
    ("decimal comma", "day;y\n2020-01-30;1,5\n2020-01-31;2\n2020-02-01;3,25\n", {}, DAYS, {"y": [1.5, 2, 3.25]}, "decimal comma"),
    ("1.234,5", "day;y\n2020-01-30;1.234,5\n2020-01-31;2\n2020-02-01;3.000\n", {}, DAYS, {"y": [1234.5, 2, 3000]}),
    ("1,234.5", 'day,y\n2020-01-30,"1,234.5"\n2020-01-31,2\n2020-02-01,"3,000"\n', {}, DAYS, {"y": [1234.5, 2, 3000]}, "1,234.5 as 1234.5"),
    ("1 234,5", "day;y\n2020-01-30;1 234,5\n2020-01-31;2\n2020-02-01;3\xa0000\n", {}, DAYS, {"y": [1234.5, 2, 3000]}),
    ("1'234.5", "day;y\n2020-01-30;1'234.5\n2020-01-31;2\n2020-02-01;3’000\n", {}, DAYS, {"y": [1234.5, 2, 3000]}),
    ("millions decide", "day;y\n2020-01-30;1.234.567\n2020-01-31;2.000\n2020-02-01;3\n", {}, DAYS, {"y": [1234567, 2000, 3]}),
    ("another column decides", "day;y;x\n2020-01-30;1,234;0,5\n2020-01-31;2,345;1\n2020-02-01;3,456;2\n", {}, DAYS, {"y": [1.234, 2.345, 3.456], "x": [0.5, 1, 2]}),
    ("the option decides", "day;y\n2020-01-30;1,234\n2020-01-31;2,345\n2020-02-01;3,456\n", {"decimal": ","}, DAYS, {"y": [1.234, 2.345, 3.456]}),
    ("thousands decide", "day;y\n2020-01-30;1,234\n2020-01-31;2,345\n2020-02-01;3,456\n", {"thousands": ","}, DAYS, {"y": [1234, 2345, 3456]}),
    ("three decimals", "day,y\n2020-01-30,1.234\n2020-01-31,2.345\n2020-02-01,3.456\n", {}, DAYS, {"y": [1.234, 2.345, 3.456]}),
    ("percent", "day,y\n2020-01-30,1%\n2020-01-31,2.5 %\n2020-02-01,3%\n", {}, DAYS, {"y": [1, 2.5, 3]}, "without the sign %"),
    ("money", "day,y\n2020-01-30,$1.50\n2020-01-31,-$2\n2020-02-01,$3\n", {}, DAYS, {"y": [1.5, -2, 3]}),
    ("euros", "day;y\n2020-01-30;1,50 €\n2020-01-31;2,00 €\n2020-02-01;3,00 €\n", {}, DAYS, {"y": [1.5, 2, 3]}),
    ("losses in brackets", 'day,y\n2020-01-30,(1.5)\n2020-01-31,2\n2020-02-01,"(1,003)"\n', {}, DAYS, {"y": [-1.5, 2, -1003]}),
    ("exponents and signs", "day,y\n2020-01-30,1e3\n2020-01-31,+2\n2020-02-01,-3.5E-1\n", {}, DAYS, {"y": [1000, 2, -0.35]}),
    *(
        (f"missing: {marker}", f"day,y\n2020-01-30,1\n2020-01-31,{marker}\n2020-02-01,3\n", {}, DAYS, {"y": [1, None, 3]})
        for marker in ("NA", "n/a", "-", "?", ".", "null", "", "#N/A", "NaN", "None")
    ),
    ("-999 is a number", "day,y\n2020-01-30,1\n2020-01-31,-999\n2020-02-01,3\n", {}, DAYS, {"y": [1, -999, 3]}, "y holds -999 in 1 rows"),
    ("texts are texts", "day,y,note\n2020-01-30,1,a\n2020-01-31,2,NA\n2020-02-01,3,\n", {}, DAYS, {"y": [1, 2, 3], "note": ["a", "NA", None]}),
    ("codes are texts", "day,y,shop\n2020-01-30,1,007\n2020-01-31,2,007\n2020-02-01,3,10\n", {}, DAYS, {"y": [1, 2, 3], "shop": ["007", "007", "10"]}),
    ("a row counter", ",day,y\n0,2020-01-30,5\n1,2020-01-31,7\n2,2020-02-01,6\n", {}, DAYS, {"y": [5, 7, 6]}, "'column 1' (row counter)"),
    ("a year beside a date", "day,year,y\n2020-12-30,2020,5\n2020-12-31,2020,7\n2021-01-01,2021,6\n", {}, ["2020-12-30", "2020-12-31", "2021-01-01"], {"y": [5, 7, 6]}, "'year' (repeats the times)"),
    ("a ramp is data", "day,y\n2020-01-30,1\n2020-01-31,2\n2020-02-01,3\n", {}, DAYS, {"y": [1, 2, 3]}),
    ("years with decimals beside months", "year,month,decimal date,y\n1958,3,1958.2027,315.7\n1958,4,1958.2877,317.45\n1958,5,1958.3699,317.51\n", {}, ["1958-03-01", "1958-04-01", "1958-05-01"], {"y": [315.7, 317.45, 317.51]}, "'decimal date' (repeats the times)"),
    ("an id", "station_id,day,y\n433,2020-01-30,1\n433,2020-01-31,2\n433,2020-02-01,3\n", {}, DAYS, {"y": [1, 2, 3]}, "'station_id' (an id)"),
    ("flags", "day,y,open\n2020-01-30,5,True\n2020-01-31,7,False\n2020-02-01,6,TRUE\n", {}, DAYS, {"y": [5, 7, 6], "open": [True, False, True]}),
]  # fmt: skip
TIMES = [
    ("month first", rows(["1/30/2020", "1/31/2020", "2/1/2020"]), {}, DAYS, NORTH, "dates as %m/%d/%Y"),
    ("day first", rows(["30/01/2020", "31/01/2020", "01/02/2020"]), {}, DAYS, NORTH, "dates as %d/%m/%Y"),
    ("days with points", rows(["30.01.2020", "31.01.2020", "01.02.2020"]), {}, DAYS, NORTH),
    ("years of two digits", rows(["30.1.20", "31.1.20", "1.2.20"]), {}, DAYS, NORTH, "%d.%m.%y"),
    ("regular steps decide", rows([f"01/{m:02}/2020" for m in range(1, 13)] + ["01/01/2021"]), {}, [*(f"2020-{m:02}-01" for m in range(1, 13)), "2021-01-01"], {"north": [*range(1, 14)]}, "by which steps are regular"),
    ("the format decides", rows(["01/02/2020", "02/02/2020", "03/02/2020"]), {"time_format": "%d/%m/%Y"}, ["2020-02-01", "2020-02-02", "2020-02-03"], NORTH),
    ("slashes, year first", rows(["2020/1/30 0:00", "2020/1/31 0:00", "2020/2/1 0:00"]), {}, DAYS, NORTH),
    ("the value first", "north,day\n1,2020-01-30\n2,2020-01-31\n3,2020-02-01\n", {}, DAYS, NORTH),
    ("names of months", rows(["30 Jan 2020", "31 Jan 2020", "1 Feb 2020"]), {}, DAYS, NORTH),
    ("days of the week", rows(["Thu 30/01/2020", "Fri 31/01/2020", "Sat 01/02/2020"]), {}, DAYS, NORTH),
    ("hours decide on the day", rows([f"{d:02}/01/2020 {h:02}:00" for d in (1, 2, 3) for h in range(24)]), {}, [f"2020-01-0{d} {h:02}:00" for d in (1, 2, 3) for h in range(24)], {"north": [*range(1, 73)]}, "by which steps are regular"),
    ("American names", 'day,north\n"Jan 30, 2020",1\n"Jan 31, 2020",2\n"Feb 1, 2020",3\n', {}, DAYS, NORTH),
    ("Mon-YY", rows(["Jan-99", "Feb-99", "Mar-99"]), {}, ["1999-01-01", "1999-02-01", "1999-03-01"], NORTH, "%b %y"),
    ("months", rows(["1949-01", "1949-02", "1949-03"]), {}, MONTHS, NORTH),
    ("month/year", rows(["1/1949", "2/1949", "3/1949"]), {}, MONTHS, NORTH),
    ("yyyymm", rows(["194901", "194902", "194903"]), {}, MONTHS, NORTH),
    ("Eurostat's months", rows(["1949M01", "1949M02", "1949M03"]), {}, MONTHS, NORTH),
    ("R's months", rows(["1949.000", "1949.083", "1949.167"]), {}, MONTHS, NORTH, "months as decimals"),
    ("R's quarters", rows(["1949.00", "1949.25", "1949.50"]), {}, ["1949-01-01", "1949-04-01", "1949-07-01"], NORTH),
    ("quarters", rows(["1949Q1", "1949Q2", "1949Q3"]), {}, ["1949-01-01", "1949-04-01", "1949-07-01"], NORTH),
    ("weeks", rows(["2020-W01", "2020-W02", "2020-W03"]), {}, ["2019-12-30", "2020-01-06", "2020-01-13"], NORTH),
    ("years", rows([1949, 1950, 1951]), {}, YEARS, NORTH),
    ("years without a century", rows([f"{y}-{m:02}" for y in (1, 2, 3) for m in range(1, 13)]), {}, [f"200{y}-{m:02}-01" for y in (1, 2, 3) for m in range(1, 13)], {"north": [*range(1, 37)]}, "1-01 as 2001-01"),
    ("yyyymmdd", rows(["20200130", "20200131", "20200201"]), {}, DAYS, NORTH),
    ("yyyymmddhh", rows(["2020010122", "2020010123", "2020010200"]), {}, HOURS, NORTH),
    ("24:00", rows(["2020-01-01 22:00", "2020-01-01 23:00", "2020-01-01 24:00"]), {}, HOURS, NORTH, "24:00"),
    ("am and pm", rows(["1/1/2020 10:00 PM", "1/1/2020 11:00 PM", "1/2/2020 12:00 AM"]), {"time_format": "%m/%d/%Y"}, HOURS, NORTH),
    ("midnight is cut off", rows(["2020-01-01 22:00", "2020-01-01 23:00", "2020-01-02"]), {}, HOURS, NORTH),
    ("Zulu", rows(["2020-01-01T22:00:00Z", "2020-01-01T23:00:00Z", "2020-01-02T00:00:00Z"]), {}, [f"{time}+00:00" for time in HOURS], NORTH),
    ("an offset", rows(["2020-01-01T22:00+01:00", "2020-01-01T23:00+01:00", "2020-01-02T00:00+01:00"]), {}, [f"{time}+01:00" for time in HOURS], NORTH),
    ("two offsets", rows(["2020-03-29T01:00+01:00", "2020-03-29T03:00+02:00", "2020-03-29T04:00+02:00"]), {}, ["2020-03-29 00:00+00:00", "2020-03-29 01:00+00:00", "2020-03-29 02:00+00:00"], NORTH, "converted to UTC"),
    ("seconds since 1970", rows([1577916000, 1577919600, 1577923200], "time,north\n"), {}, [f"{time}+00:00" for time in HOURS], NORTH, "s since 1970"),
    ("milliseconds since 1970", rows([1577916000000, 1577919600000, 1577923200000], "time,north\n"), {}, [f"{time}+00:00" for time in HOURS], NORTH),
    ("days of Excel", rows([43860, 43861, 43862], "date,north\n"), {}, DAYS, NORTH, "43860 as a date of Excel"),
    ("days of Excel by option", rows([43860, 43861, 43862], "x,north\n"), {"time_format": "excel", "time_column": "x"}, DAYS, NORTH),
    ("a date and a clock", "d,t,north\n2020-01-01,22:00,1\n2020-01-01,23:00,2\n2020-01-02,00:00,3\n", {"time_column": ["d", "t"]}, HOURS, NORTH),
    ("a date and a clock, found", "d,t,north\n2020-01-01,22:00,1\n2020-01-01,23:00,2\n2020-01-02,00:00,3\n", {}, HOURS, NORTH),
    ("a date and HHMM", "date,time,north\n20200101,2200,1\n20200101,2300,2\n20200102,0,3\n", {"time_column": ["date", "time"]}, HOURS, NORTH),
    ("year and month", "year,month,north\n1949,1,1\n1949,2,2\n1949,3,3\n", {}, MONTHS, NORTH),
    ("year, month, day, hour", "No,year,month,day,hour,north\n1,2020,1,1,22,1\n2,2020,1,1,23,2\n3,2020,1,2,0,3\n", {}, HOURS, NORTH, "'No' (row counter)"),
    ("year and week", "year,week,north\n2020,1,1\n2020,2,2\n2020,3,3\n", {}, ["2019-12-30", "2020-01-06", "2020-01-13"], NORTH),
    ("a month's name and a year", "m,y,north\nJan,1949,1\nFeb,1949,2\nMar,1949,3\n", {"time_column": ["m", "y"]}, MONTHS, NORTH),
    ("ISO's basic format", rows(["20200101T22Z", "20200101T23Z", "20200102T00Z"]), {}, [f"{time}+00:00" for time in HOURS], NORTH),
    ("hours alone", rows(["2020-01-01T22", "2020-01-01T23", "2020-01-02T00"]), {}, HOURS, NORTH),
    ("a column for each month", "Year,Jan,Feb,Mar,Apr,May,Jun,Jul,Aug,Sep,Oct,Nov,Dec\n1949,1,2,3,4,5,6,7,8,9,10,11,12\n1950,13,14,,,,,,,,,,\n", {}, [f"1949-{m:02}-01" for m in range(1, 13)] + ["1950-01-01", "1950-02-01"], {"value": [*range(1, 15)]}, "a column for each month, stacked"),
    ("a column for each quarter", "year;Q1;Q2;Q3;Q4\n1949;1,5;2;3;4\n1950;5;6;7;8\n", {}, [f"{y}-{m:02}-01" for y in (1949, 1950) for m in (1, 4, 7, 10)], {"value": [1.5, 2, 3, 4, 5, 6, 7, 8]}),
    ("steps", "t,north\n1,5\n2,7\n3,6\n", {}, [1, 2, 3], {"north": [5, 7, 6]}),
    ("newest first", rows(["2020-02-01", "2020-01-31", "2020-01-30"]), {}, DAYS[::-1], NORTH),
    ("a created date too", "created,date,north\n2021-05-05,2020-01-30,1\n2021-05-05,2020-01-31,2\n2021-05-05,2020-02-01,3\n", {}, DAYS, {"created": ["2021-05-05"] * 3, **NORTH}),
]  # fmt: skip
FORMATS = [
    ("gzip", gzip.compress(PLAIN.encode()), {}, DAYS, NORTH),
    ("bzip2", bz2.compress(PLAIN.encode()), {}, DAYS, NORTH),
    ("xz", lzma.compress(PLAIN.encode()), {}, DAYS, NORTH),
    ("zip", zipped(**{"a/": "", "a/data.csv": PLAIN, "__MACOSX/._data.csv": "x"}), {}, DAYS, NORTH),
    ("JSON lines", "".join(json.dumps({"day": day, "north": i}) + "\n" for i, day in enumerate(DAYS, 1)), {}, DAYS, NORTH),
    ("JSON records", json.dumps([{"day": day, "north": i} for i, day in enumerate(DAYS, 1)]), {}, DAYS, NORTH),
    ("JSON columns", json.dumps({"day": DAYS, "north": [1, 2, 3]}), {}, DAYS, NORTH),
    ("JSON in an envelope", json.dumps({"ok": True, "data": [{"day": day, "north": i} for i, day in enumerate(DAYS, 1)]}, indent=1), {}, DAYS, NORTH),
    ("JSON with texts for numbers", json.dumps([{"day": day, "north": str(i)} for i, day in enumerate(DAYS, 1)]), {}, DAYS, NORTH),
    ("JSON with milliseconds", json.dumps([{"t": 1577916000000 + 3600000 * i, "north": i + 1} for i in range(3)]), {"time_column": "t"}, [f"{time}+00:00" for time in HOURS], NORTH),
    ("JSON with a gap", json.dumps([{"day": DAYS[0], "north": None}, {"day": DAYS[1], "north": 2}]), {}, DAYS[:2], {"north": [None, 2]}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "options", "times", "columns", "said"),
    [
        pytest.param(*case, *[""] * (5 - len(case)), id=f"{kind}: {name}")
        for kind, cases in {
            "separators": SEPARATORS,
            "heads": HEADS,
            "numbers": NUMBERS,
            "times": TIMES,
            "formats": FORMATS,
        }.items()
        for name, *case in cases
    ],
)
def test_an_awkward_file_is_read_right(tmp_path, content, options, times, columns, said):
    file = tmp_path / "data"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    frame = read_table(file, **options)
    expected = times if isinstance(times[0], int) else [pd.Timestamp(time) for time in times]
    assert frame.index.to_list() == expected
    pd.testing.assert_frame_equal(
        frame.reset_index(drop=True), pd.DataFrame(columns), check_dtype=False
    )
    understood = frame.attrs["understood"]
    assert said in understood and "\n" not in understood.replace("north\nfar", "")
