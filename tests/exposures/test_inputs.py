"""Words of the user are expanded to a sorted list of files, or refused by name."""

import contextlib
import errno
import io
import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from staticmask_cli.config.parameters import Parameters
from staticmask_cli.errors import ConfigError, InputError
from staticmask_cli.exposures.inputs import expand_inputs
from tests.support.fits_files import touch, write_json, write_table

A, B, C = VISIT = ("jx01a_flt.fits", "jx01b_flt.fits", "jx01c_flt.fits")
NO_INPUT = "no input: name exposures, as in: staticmask '*flt.fits'"
TWICE = "the same exposure twice; choose one kind with --suffix flc (or flt)"
EXTENSION = ("no such file; extensions are chosen for all exposures: name {}, and --group {} "
             "(in Python group={})")
BESIDE = "expected a file beside the association or below"
HOME = os.path.expanduser("~")
NO_FILE = os.strerror(errno.ENOENT)

LISTS = {
    "plain.lst": f"{A}\n{B}\n{C}\n",
    "crlf.lst": f"\ufeff{C}\r\n{B}\r\n{A}",
    "full.lst": f"# the visit\n\n  {A}  a_ivm.fits\n{B}\tb_ivm.fits\n\t# {B}\n \n{C} # the last",
    "globs.lst": "*a_flt.fits\njx01[bc]_flt.fits  *_ivm.fits\n",
    "commas.lst": f"{A},{B}\n{C},\n",
    "nested.lst": f"@full.lst\n{C}\n@more/inner.lst\n",
    "more/inner.lst": f"@../plain.lst\n../{A},../{B}\n",
    "more/globs.lst": "../jx01?_flt.fits\n",
    "more/tables.lst": "@tables2.lst\n",
    "more/tables2.lst": "../*_asn.json\n../jx01_asn.fits\n",
    "two.lst": f"{A}\n{B}\n",
}
EXPOSURES = [(root, "EXP-DTH") for root in ("JX01A", "JX01B", "JX01C")]
NICMOS = [*((root, "EXP-TARG") for root in ("JX01A", "jx01b", "Jx01C")),
          ("BACK", "EXP-BCK1"), ("JX010", "PROD-TARG"), ("JX01BK", "PROD-BCK1")]


@pytest.fixture(scope="module")
def whole_visit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write three exposures and all that can name them into a folder, which is not changed."""
    folder = tmp_path_factory.mktemp("whole") / "visit"
    touch(folder, *VISIT, "back_flx.fits", "back_raw.fits", "jx010_crj.fits", "jx01bk_crj.fits")
    touch(folder / "upper", *(f"JX01{letter}_flt.fits" for letter in "ABC"), "jx010_crj.fits")
    (folder / "more").mkdir()
    for name, text in LISTS.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
    rows = [("JX010", "PROD-DTH"), *EXPOSURES[::-1], ("GONE", "EXP-DTH")]
    there = [True, True, True, True, False]
    write_table(folder / "jx01_asn.fits", rows, there)
    write_table(folder / "JX01_ASN.FITS", rows, there)
    write_table(folder / "text_asn.fits.gz", rows, ["T", "T", "yes", "T", "F"], form="3A")
    write_table(folder / "lower_asn.fits", [(name.lower(), "exp_cr1") for name, _ in EXPOSURES])
    write_table(folder / "upper" / "jx01_asn.fits", EXPOSURES)
    write_table(folder / "jx01_asc.fits", NICMOS, [True, True, True, True, False, False])
    write_table(folder / "one_asn.fits", EXPOSURES[:1])
    write_json(folder / "jx01_asn.json", [*((name, "science") for name in VISIT),
                                          ("back_raw.fits", "background")])
    return folder


@pytest.fixture
def visit_folder(whole_visit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to a folder with three exposures, and with all that can name them."""
    folder = Path(shutil.copytree(whole_visit, tmp_path / "visit"))
    monkeypatch.chdir(folder)
    return folder


def _through_a_cfg(path: Path, words: list[str]) -> list[str]:
    path.write_text(f'input = "{",".join(words)}"\n')
    return list(Parameters.load(str(path)).input)


@pytest.mark.parametrize("words", [
    [A, B, C], [C, A, B], [C, B, A, B], [f"./{C}", f"more/../{B}", f"../visit/{A}"],
    ["*_flt.fits"], ["jx01?_flt.fits"], ["jx01[abc]_flt.fits"], ["../v*/*_flt.fits"],
    ["*c_flt.fits", "jx01[!c]_flt.fits"],
    [f"{A},{B},{C}"], [f"{C}, {B} , {A}"], [f" {A},,{B},{C}, "], [f"*a_flt.fits,{C},*b_flt.fits"],
    ["@plain.lst"], ["@crlf.lst"], ["@full.lst"], ["@globs.lst"], ["@commas.lst"],
    ["@nested.lst"], ["@more/inner.lst", C], ["@more/globs.lst"], ["@more/tables.lst"],
    ["@../visit/plain.lst"], ["@two.lst", C], [f"{C},@two.lst"], [f"@two.lst,{C}"],
    ["@plain.lst", "@plain.lst"],
    ["jx01_asn.fits"], ["JX01_ASN.FITS"], ["text_asn.fits.gz"], ["lower_asn.fits"],
    ["upper/jx01_asn.fits"], ["jx01_asc.fits"], ["jx01_asn.json"], ["*_as[nc].*"],
    ["one_asn.fits", B, C], [f"one_asn.fits,{B},{C}"], ["jx01_asn.fits", "*_flt.fits", "@two.lst"],
], ids=" ".join)
def test_all_ways_to_name_a_visit_yield_the_same_files_in_the_same_order(
    whole_visit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(whole_visit)
    for given_words in (words, _through_a_cfg(tmp_path / "run.cfg", words)):
        paths = expand_inputs(given_words)
        assert tuple(sorted(Path(path).name.lower() for path in paths)) == VISIT
        assert paths == sorted(paths)
        assert all(map(os.path.isfile, paths))


def test_a_path_stays_as_the_user_wrote_it(visit_folder: Path) -> None:
    assert expand_inputs(["*_flt.fits"]) == list(VISIT)
    assert expand_inputs([f"./{A}"]) == [f"./{A}"]
    assert expand_inputs(["../visit/jx01_asn.fits"]) == [f"../visit/{name}" for name in VISIT]
    assert expand_inputs(["@more/globs.lst"]) == [f"more/../{name}" for name in VISIT]
    assert expand_inputs([str(visit_folder / "*a_flt.fits")]) == [str(visit_folder / A)]


def test_the_order_does_not_depend_on_the_order_of_the_words(visit_folder: Path) -> None:
    words = ["jx01a_flt.fits", "more/../jx01b_flt.fits", str(visit_folder / C), "back_raw.fits"]
    for permutation in itertools.permutations(words):
        assert expand_inputs(permutation) == sorted(words)


@pytest.mark.parametrize("again", [A, f"./{A}", f"more/../{A}", "link_flt.fits", "up/" + A, "ABS"])
def test_a_file_is_returned_once_with_its_first_name(visit_folder: Path, again: str) -> None:
    (visit_folder / "link_flt.fits").symlink_to(A)
    (visit_folder / "up").symlink_to(visit_folder)
    other = again.replace("ABS", str(visit_folder / A))
    assert expand_inputs([A, other, B]) == [A, B]
    assert expand_inputs([other, A, other]) == [other]


@pytest.mark.parametrize("name", [
    "a,b_flt.fits", "[ab]_flt.fits", "*_flt.fits", "?_flt.fits", "a b_flt.fits", "@a_flt.fits",
    "a#1_flt.fits", "#a_flt.fits", "~a_flt.fits", "-a_flt.fits", ",_flt.fits", "\xe9_flt.fits",
    "@a, *[b] #1_flt.fits", "a\nb_flt.fits",
])
@pytest.mark.parametrize("folder", ["", "night/", "a, *[b] #1/"])
def test_a_word_that_is_the_name_of_a_file_means_that_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, folder: str
) -> None:
    touch(tmp_path / folder, name, "a_flt.fits", "b_flt.fits", "1_flt.fits", "c_flt.fits")
    monkeypatch.chdir(tmp_path)
    assert expand_inputs([folder + name]) == [folder + name]
    assert expand_inputs([folder + name, folder + "c_flt.fits"]) == sorted(
        [folder + name, folder + "c_flt.fits"]
    )
    if not name.startswith("#") and "\n" not in name:
        (tmp_path / folder / "all.lst").write_text(f"  {name} \n", encoding="utf-8")
        assert expand_inputs([f"@{folder}all.lst"]) == [folder + name]


def test_a_word_of_a_list_may_be_a_wildcard_but_not_the_folder_of_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "night[1]", "a_flt.fits")
    touch(tmp_path / "night1", "b_flt.fits")
    (tmp_path / "night[1]" / "all.lst").write_text("*_flt.fits\n")
    monkeypatch.chdir(tmp_path)
    assert expand_inputs(["@night[1]/all.lst"]) == ["night[1]/a_flt.fits"]


def test_a_line_of_a_list_may_be_a_comma_list_with_blanks(visit_folder: Path) -> None:
    (visit_folder / "blanks.lst").write_text(f"{A}, {B} ,{C}\n")
    assert expand_inputs(["@blanks.lst"]) == list(VISIT)


def test_a_wildcard_does_not_match_folders(visit_folder: Path) -> None:
    (visit_folder / "jx01d_flt.fits").mkdir()
    assert expand_inputs(["*_flt.fits"]) == list(VISIT)


@pytest.mark.parametrize("word", [
    "~/jx01?_flt.fits", "$HOME/jx01[abc]_flt.fits", "${HOME}/**/*a_flt.fits,~/*[bc]_flt.fits",
    "@~/plain.lst", "@$HOME/plain.lst", "$NIGHT*", "@home.lst",
])
def test_the_home_and_variables_are_expanded_in_words_and_lists(
    visit_folder: Path, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.setenv("HOME", str(visit_folder))
    monkeypatch.setenv("NIGHT", str(visit_folder / "jx01"))
    here = visit_folder.parent / "here"
    touch(here, "~/jx01a_flt.fits")
    for path in visit_folder.glob("jx01*"):
        if path.name not in VISIT:
            path.unlink()
    monkeypatch.chdir(here)
    Path("home.lst").write_text(f"~/{A}\n$HOME/{B}  a note\n$HOME/*c_flt.fits\n")
    assert expand_inputs([word]) == [str(visit_folder / name) for name in VISIT]


def test_names_in_associations_are_not_expanded(
    visit_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAME", "jx01a")
    write_json(visit_folder / "x.json", [("$NAME_flt.fits", "science")])
    with pytest.raises(InputError, match=r"member \$NAME_flt.fits: no such exposure"):
        expand_inputs(["x.json"])


def test_a_name_with_a_dollar_that_exists_means_that_file(
    visit_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(visit_folder))
    touch(visit_folder, "$HOME_flt.fits", "x$HOME.fits")
    assert expand_inputs(["$HOME_flt.fits", "x$HOME.fits"]) == ["$HOME_flt.fits", "x$HOME.fits"]


def test_what_is_not_beside_a_list_is_looked_for_in_the_current_folder(
    visit_folder: Path
) -> None:
    touch(visit_folder / "more", B)
    (visit_folder / "more" / "mixed.lst").write_text(f"{A}\n{B}\n*c_flt.fits\n@inner2.lst\n")
    (visit_folder / "inner2.lst").write_text("lower_asn.fits\n")
    assert expand_inputs(["@more/mixed.lst"]) == [*VISIT, f"more/{B}"]


@pytest.mark.parametrize("word", ["@-", "@stdin.lst"])
def test_a_list_can_be_read_from_stdin(
    visit_folder: Path, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    (visit_folder / "stdin.lst").write_text("@-")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{A}\n{B},{C}".encode())))
    assert expand_inputs([word]) == list(VISIT)


def test_names_from_dev_stdin_are_relative_to_the_current_folder(visit_folder: Path) -> None:
    code = ("from staticmask_cli.exposures.inputs import expand_inputs\n"
            "print(*expand_inputs(['@/dev/stdin']))")
    done = subprocess.run([sys.executable, "-c", code], input="\n".join(VISIT), text=True,
                          cwd=visit_folder, capture_output=True, check=True)
    assert done.stdout.split() == list(VISIT)


@pytest.mark.parametrize("stdin", [None, io.StringIO("a")])
def test_without_a_stdin_the_list_is_refused(
    monkeypatch: pytest.MonkeyPatch, stdin: object
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(InputError, match="@-: cannot read the list"):
        expand_inputs(["@-"])


def test_two_asterisks_match_folders_of_all_levels(visit_folder: Path) -> None:
    touch(visit_folder / "deep", "1/x_flt.fits", "1/2/3/y_flt.fits", "z_flt.fits", ".no/x_flt.fits")
    assert expand_inputs(["deep/**/*_flt.fits"]) == [
        "deep/1/2/3/y_flt.fits", "deep/1/x_flt.fits", "deep/z_flt.fits"]


def test_lists_may_be_nested_deeply(visit_folder: Path) -> None:
    for level in range(1500):
        (visit_folder / f"{level}.lst").write_text(f"@{level + 1}.lst\n")
    (visit_folder / "1500.lst").write_text(A)
    with contextlib.suppress(InputError):  # refusing them is allowed, crashing is not
        assert expand_inputs(["@0.lst"]) == [A]


# Words that are wrong, and the messages; all in one folder.
PROBLEMS = {
    "gone_flt.fits": ["gone_flt.fits: no such file"],
    "./gone_flt.fits": ["./gone_flt.fits: no such file"],
    "gone/jx_flt.fits": ["gone/jx_flt.fits: no such file"],
    f"{A}/jx_flt.fits": [f"{A}/jx_flt.fits: no such file"],
    "nothing*.fits": [("nothing*.fits: no file matches; in that folder are 6 *_asn.fits, "
                       "4 *_flt.fits, 2 *_crj.fits, 1 *_flx.fits")],
    "gone/*.fits": ["gone/*.fits: no file matches, as there is no folder gone"],
    f"{A},no1.fits, no2.fits": ["no1.fits: no such file", "no2.fits: no such file"],
    "more": ["more: is a folder, expected files such as more/*flt.fits"],
    "more/": ["more/: is a folder, expected files such as more/*flt.fits"],
    "@gone.lst": [f"@gone.lst: cannot read the list: {NO_FILE}"],
    "@": [f"@: cannot read the list: {NO_FILE}"],
    "@more": [f"@more: cannot read the list: {os.strerror(errno.EISDIR)}"],
    "@binary.lst": ["@binary.lst: cannot read the list: not a text file"],
    "@self.lst": ["@self.lst: the list includes itself"],
    "@ring1.lst": ["@more/../ring1.lst: the list includes itself"],
    "@link.lst": ["@self.lst: the list includes itself"],
    "@bad.lst": ["more/no3.fits: no such file",
                 "more/no*.fits: no file matches; in that folder are no FITS files",
                 f"@more/none.lst: cannot read the list: {NO_FILE}"],
    "lost_asn.fits": ["lost_asn.fits: member LOST1: no such exposure beside the association",
                      "lost_asn.fits: member LOST2: no such exposure beside the association"],
    "lost_asn.json": ["lost_asn.json: member x_cal.fits: no such exposure beside the association"],
    "hostile_asn.fits": [f"hostile_asn.fits: member '../x': {BESIDE}"],
    "empty_asn.fits": ["empty_asn.fits: cannot be read as FITS: the file is empty"],
    "gone_asn.fits": ["gone_asn.fits: no such file"],
    "twice_fl?.fits": [f"twice_flc.fits and twice_flt.fits: {TWICE}"],
    "nul\0_flt.fits": ["nul\0_flt.fits: no such file"],
    "~/gone/*.fits": [f"{HOME}/gone/*.fits: no file matches, as there is no folder {HOME}/gone"],
    "$GONE/x_flt.fits": ["$GONE/x_flt.fits: no such file"],
    f"{A}[sci,1]": [f"{A}[sci,1]: {EXTENSION.format(A, 'sci,1', repr('sci,1'))}"],
    f"{A}[1],{A}[SCI,2]": [f"{A}[1]: {EXTENSION.format(A, '1', repr('1'))}",
                           f"{A}[SCI,2]: {EXTENSION.format(A, 'SCI,2', repr('SCI,2'))}"],
}


@pytest.fixture(scope="module")
def faulty_visit(whole_visit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Add lists and associations that cannot be read to a copy, which is not changed then."""
    folder = Path(shutil.copytree(whole_visit, tmp_path_factory.mktemp("faulty") / "visit"))
    touch(folder, "twice_flt.fits", "twice_flc.fits", "empty_asn.fits")
    for name, text in {"self.lst": f"{A}\n@self.lst", "ring1.lst": "@more/ring2.lst",
                       "more/ring2.lst": "@../ring1.lst",
                       "bad.lst": "@more/bad2.lst",
                       "more/bad2.lst": f"no3.fits\n../{B}\nno*.fits x\n@none.lst"}.items():
        (folder / name).write_text(text)
    (folder / "link.lst").symlink_to("self.lst")
    (folder / "binary.lst").write_bytes(b"SIMPLE\xff\xfe\x80")
    write_table(folder / "lost_asn.fits", [("LOST1", "EXP-DTH"), ("JX01A", "EXP-DTH"),
                                          ("LOST2", "EXP-CR1")])
    write_table(folder / "hostile_asn.fits", [("JX01A", "EXP-DTH"), ("../x", "EXP-DTH")])
    write_json(folder / "lost_asn.json", [(A, "science"), ("x_cal.fits", "science")])
    return folder


@pytest.fixture
def faulty_folder(faulty_visit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change to a folder with lists and associations that cannot be read."""
    monkeypatch.chdir(faulty_visit)


@pytest.mark.usefixtures("faulty_folder")
@pytest.mark.parametrize(("word", "expected"), PROBLEMS.items())
def test_a_message_names_what_is_wrong_with_a_word(word: str, expected: list[str]) -> None:
    for words in ([word], [A, word, C], [word, word]):
        with pytest.raises(InputError) as caught:
            expand_inputs(words)
        assert str(caught.value).split("\n") == expected


@pytest.mark.usefixtures("faulty_folder")
def test_one_message_names_everything_that_is_wrong_once() -> None:
    words = list(PROBLEMS)
    with pytest.raises(InputError) as caught:
        expand_inputs([*words, *VISIT, *words])
    expected = {line for lines in PROBLEMS.values() for line in lines}
    lines = str(caught.value).split("\n")
    assert set(lines) == expected
    assert len(lines) == len(expected)


@pytest.mark.usefixtures("visit_folder")
@pytest.mark.parametrize("words", [[], [","], [" , "], ["@empty.lst"], ["@empty.lst", ","]])
def test_the_message_for_no_input_shows_how_to_name_one(words: list[str]) -> None:
    Path("empty.lst").write_text("\n# nothing\n\n")
    # An empty list is bad data, no word at all is wrong usage.
    with pytest.raises(InputError if "@empty.lst" in words else ConfigError) as caught:
        expand_inputs(words)
    assert str(caught.value) == NO_INPUT
    assert expand_inputs([*words, A]) == [A]


@pytest.mark.parametrize("word", ["a\0/*.fits", "@a\0b.lst", "a\0*", "@nul.lst", "\ud800/*.fits"])
def test_a_word_that_no_file_can_have_as_its_name_is_an_input_error(
    visit_folder: Path, word: str
) -> None:
    (visit_folder / "nul.lst").write_bytes(b"a\0/*.fits\n@a\0b\n")
    with pytest.raises(InputError, match=r"no file matches|cannot read the list|no such file"):
        expand_inputs([word])


@pytest.mark.parametrize("word", ["jx01d_flt.fits", "*_flt.fits"])
def test_a_link_to_nothing_is_a_missing_file(visit_folder: Path, word: str) -> None:
    (visit_folder / "jx01d_flt.fits").symlink_to("gone")
    with pytest.raises(InputError, match=r"jx01d_flt\.fits.*\n?.*gone_flt\.fits: no such file"):
        expand_inputs([A, word, "gone_flt.fits"])


@pytest.mark.parametrize("words", [
    ["jx_flt.fits", "jx_flc.fits"], ["jx_fl?.fits"], ["jx_flc.fits,jx_flt.fits"],
    ["./jx_flt.fits", "jx_flc.fits"], ["jx_flt.fits", "more/../jx_flc.fits"],
    ["jx_asn.fits"], ["jx_asn.fits", "jx_flc.fits"], ["jx_asn.json", "jx_flt.fits"],
], ids=" ".join)
def test_flt_and_flc_of_one_exposure_are_refused_without_a_suffix(
    visit_folder: Path, words: list[str]
) -> None:
    touch(visit_folder, "jx_flt.fits", "jx_flc.fits")
    write_table(visit_folder / "jx_asn.fits", [("JX", "EXP-DTH")])
    write_json(visit_folder / "jx_asn.json", [("jx_flc.fits", "science")])
    for suffix in (None, "crj") if "jx_asn.fits" not in words else (None,):
        with pytest.raises(InputError) as caught:
            expand_inputs([A, *words], suffix)
        message = str(caught.value)
        assert message.endswith(f": {TWICE}")
        assert "jx_flt.fits" in message
        assert "jx_flc.fits" in message
    for suffix in ("flc", "_flc"):
        paths = expand_inputs([A, *words], suffix)
        assert [Path(path).name for path in paths] == sorted(["jx_flc.fits", A])
    if words != ["jx_asn.fits", "jx_flc.fits"]:
        assert "jx_flc.fits" not in map(os.path.basename, expand_inputs([A, *words], "flt"))


def test_all_exposures_with_two_kinds_of_file_are_named(visit_folder: Path) -> None:
    touch(visit_folder, "jx01a_flc.fits", "jx01c_flc.fits", "gone_flc.fits.txt")
    with pytest.raises(InputError) as caught:
        expand_inputs(["*_fl[tc].fits", "gone_flt.fits"])
    assert [line.partition(":")[0] for line in str(caught.value).split("\n")] == [
        "gone_flt.fits", f"jx01a_flc.fits and {A}", f"jx01c_flc.fits and {C}"
    ]
    assert expand_inputs(["*_fl[tc].fits"], "flc") == ["jx01a_flc.fits", B, "jx01c_flc.fits"]
    assert expand_inputs(["*_fl[tc].fits"], "flt") == [A, B, C]


def test_the_suffix_is_compared_with_the_file_name_and_not_with_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "run_flc.d", "jx_flt.fits", "jx_flc.fits")
    monkeypatch.chdir(tmp_path)
    assert expand_inputs(["run_flc.d/*"], "flc") == ["run_flc.d/jx_flc.fits"]


@pytest.mark.parametrize("suffix", [None, "flt", "flc"])
@pytest.mark.parametrize("ending", [".gz", ".fz"])
def test_a_file_and_its_compressed_copy_are_the_same_exposure(
    visit_folder: Path, suffix: str | None, ending: str
) -> None:
    touch(visit_folder, f"{A}{ending}")
    with pytest.raises(InputError, match=f"{A} and {A}{ending}: the same exposure twice"):
        expand_inputs(["*_flt.fits*"], suffix)


@pytest.mark.usefixtures("visit_folder")
@pytest.mark.parametrize(("suffix", "expected"), [
    (None, "back_raw.fits"), ("raw", "back_raw.fits"), ("_flx", "back_flx.fits"),
])
def test_the_suffix_chooses_the_files_of_members(suffix: str | None, expected: str) -> None:
    write_table(Path("back_asn.fits"), [("BACK", "EXP-DTH")])
    assert expand_inputs(["back_asn.fits", A], suffix) == [expected, A]
    with pytest.raises(InputError, match="member BACK: no such exposure beside the association"):
        expand_inputs(["back_asn.fits"], "crj")


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which random words name files, folders, lists and associations."""
    folder = tmp_path_factory.mktemp("crowded")
    touch(folder, "a_flt.fits", "a_flc.fits", "b_flt.fits", "@a", "a,b", "[a]", "*", "# a", "~")
    touch(folder / "sub", "a_flt.fits", "c_raw.fits")
    (folder / "l").write_text("a_flt.fits x\n*_flc.fits\n@l2")
    (folder / "l2").write_text("sub/*\n@l,b_flt.fits\n")
    write_table(folder / "a_asn.fits", [("A", "EXP-DTH"), ("B", "EXP-DTH")])
    return folder


_PIECES = st.sampled_from([
    "a", "b", "_flt.fits", "_flc.fits", "_asn.fits", ".fits", "@", "l", "@l", "@l2", ",", ", ",
    "*", "?", "[", "]", "!", "-", "#", " ", "\0", "\ud800", "\n", "\t", ".", "~", "sub/", "\\",
    "{", "\xe9", "x" * 300, "**", "[!a]", "[z-a]",
])
_WORDS = st.lists(_PIECES, max_size=5).map("".join)
_FUZZ = settings(max_examples=100)


def _files_or_input_error(words: list[str], suffix: str | None = None) -> None:
    try:
        paths = expand_inputs(words, suffix)
    except (InputError, ConfigError) as error:
        assert str(error)  # noqa: PT017 - any other exception must be raised
    else:
        assert paths == sorted(paths)
        assert len({os.path.realpath(path) for path in paths}) == len(paths) > 0
        assert all(map(os.path.isfile, paths))


@_FUZZ
@given(words=st.lists(_WORDS, max_size=3), suffix=st.sampled_from([None, "flc", "flt", "*", ""]))
def test_any_words_yield_files_or_an_input_error(
    crowded: Path, words: list[str], suffix: str | None
) -> None:
    with contextlib.chdir(crowded):
        _files_or_input_error(words, suffix)


@_FUZZ
@given(content=st.lists(_WORDS, max_size=4).map("\n".join).map(
    lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=40))
def test_any_list_yields_files_or_an_input_error(crowded: Path, content: bytes) -> None:
    (crowded / "fuzzed").write_bytes(content)
    with contextlib.chdir(crowded):
        _files_or_input_error(["@fuzzed"])


@pytest.mark.usefixtures("visit_folder")
def test_lists_that_name_each_other_many_times_are_expanded_once() -> None:
    for level in range(30):
        Path(f"{level}.lst").write_text(f"@{level + 1}.lst\n" * 2, encoding="utf-8")
    Path("30.lst").write_text(A, encoding="utf-8")
    assert expand_inputs(["@0.lst"]) == [A]
