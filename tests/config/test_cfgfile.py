"""Test the reading of .cfg files: every form that users have on disk, and hostile files."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from staticmask_cli.config.cfgfile import nearest
from staticmask_cli.config.parameters import Parameters
from staticmask_cli.errors import ConfigError

DEFAULTS = Parameters.load()

# As the old parameter editor saved it, with comments right behind the values.
SAVED = """\
_task_name_ = staticMask# \n\
input = *flt.fits# which exposures ("quoted", 'twice')
group = None# one extension, or none

[STEP 1: STATIC MASK]
static = True# make it, or not?
static_sig = 3.5# in rms, so 4.0 = the usual; # more
"""

WHOLE = """\
_task_name_ = astrodrizzle# \n\
input = "j*_flt.fits"# which exposures
output = "sum"# name of the product
runfile = ""# \n\
wcskey = ""# \n\
updatewcs = no# \n\
proc_unit = native# units while it runs
coeffs = True# \n\
context = False# \n\
group = ""# \n\
build = False# \n\
crbit = 4096# \n\
stepsize = 10# \n\
resetbits = "4096,8192"# \n\
num_cores = INDEF# \n\
in_memory = False# \n\

[STATE OF INPUT FILES]
restore = False# \n\
preserve = True# \n\
clean = False# \n\

[STEP 1: STATIC MASK]
static = yes# \n\
static_sig = 4.5# \n\

[STEP 2: SKY SUBTRACTION]
skysub = True# \n\
skywidth = 0.10000000149011612# \n\
sky_bits = "~256,64"# \n\

[STEP 3: DRIZZLE SEPARATE IMAGES]
driz_separate = True# \n\
driz_sep_bits = 64,32# \n\

[STEP 3a: CUSTOM WCS FOR SEPARATE OUTPUTS]
driz_sep_wcs = False# \n\

[STEP 4: CREATE MEDIAN IMAGE]
combine_type = "minmed"# \n\

[STEP 5: BLOT BACK THE MEDIAN IMAGE]
blot = True# \n\

["STEP 6: REMOVE COSMIC RAYS WITH DERIV, DRIZ_CR"]
driz_cr_snr = 3.5 3.0# \n\

[STEP 7: DRIZZLE FINAL COMBINED IMAGE]
driz_combine = True# \n\
final_kernel = "square"# \n\
final_bits = 64, 32# good bits
static_sig = 99# not of this step

[STEP 7a: CUSTOM WCS FOR FINAL OUTPUT]
final_wcs = False# \n\
final_bits = 2# not of this step
final_refimage = ""# \n\

[INSTRUMENT PARAMETERS]
gnkeyword = "ATODGNA,ATODGNB"# \n\
gain = ""# \n\

[_RULES_]
"""
CLEARED = str(64 + 32 + 4096 + 8192)  # final_bits and resetbits
IN_WHOLE = replace(DEFAULTS, input=("j*_flt.fits",), static_sig=4.5)
NO_PAIR = "expected 'name = value' or '[section]', each name once"
NAMES = ("input", "group", "name", "static", "static_sig", "sky", "agree", "final_bits", "high",
         "least_depth", "include", "include_bad", "instrument", "sci_ext", "dq_ext")
UNKNOWN = "no such parameter;"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, so that messages name the file as a user does."""
    monkeypatch.chdir(tmp_path)


def load(content: str | bytes) -> Parameters:
    """Return the parameters of a file run.cfg with this content."""
    Path("run.cfg").write_bytes(content.encode() if isinstance(content, str) else content)
    return Parameters.load("run.cfg")


def problems(content: str | bytes) -> list[str]:
    """Return the lines of the error message for a file run.cfg with this content."""
    with pytest.raises(ConfigError) as caught:
        load(content)
    return str(caught.value).splitlines()


def test_a_file_that_the_old_editor_saved_loads() -> None:
    assert load(SAVED) == replace(DEFAULTS, input=("*flt.fits",), static_sig=3.5)


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        ("input = '*flt.fits'", {"input": ("*flt.fits",)}),
        ('input = "*flt.fits"# comment', {"input": ("*flt.fits",)}),
        ("input = *flt.fits# comment", {"input": ("*flt.fits",)}),
        ("input=[ab]*.fits", {"input": ("[ab]*.fits",)}),
        ("input = a.fits, b.fits# comment", {"input": ("a.fits, b.fits",)}),
        ('input = "a.fits","b.fits"# comment', {"input": ("a.fits,b.fits",)}),
        ('input = "a #1.fits"# comment', {"input": ("a #1.fits",)}),
        ('input = "it\'s.fits"# comment', {"input": ("it's.fits",)}),
        ("input = %(group)s_$static.fits", {"input": ("%(group)s_$static.fits",)}),
        ("input = ä.fits", {"input": ("ä.fits",)}),
        ("input = @a.lst# comment", {"input": ("@a.lst",)}),
        *((f"{name} = {blank}# comment", {})
          for name in ("input", "group", "static_sig", "final_bits", "static")
          for blank in ("None", "none", "INDEF", '""', "''", "")),
        ("group = 1.0# comment", {"group": (1,)}),
        ("group = 1,4# comment", {"group": (1, 4)}),
        ('group = "sci,2"# comment', {"group": (("SCI", 2),)}),
        ("final_bits = 64,32# comment", {"final_bits": "64,32"}),
        ('final_bits = "64,32"# comment', {"final_bits": "64,32"}),
        ('final_bits = "64","32"# comment', {"final_bits": "64,32"}),
        ("final_bits = ~4096 # comment", {"final_bits": "~4096"}),
        ("static = no# comment", {"static": False}),
        ("static_sig = 0.10000000149011612# comment", {"static_sig": 0.10000000149011612}),
    ],
)
def test_every_form_of_a_value_is_read(line: str, changes: dict[str, object]) -> None:
    expected = replace(DEFAULTS, **changes)  # type: ignore[arg-type]
    assert load(line) == expected
    assert load(f"[STEP 1: STATIC MASK]\n{line}\n[_RULES_]\n") == expected


@pytest.mark.parametrize(
    "section",
    ["[STEP 1: STATIC MASK]", "[STEP 1: STATIC MASK ]", "[ STEP 1: STATIC MASK]",
     '["STEP 1: STATIC MASK"]', "['STEP 1: STATIC MASK']", "[step 1: static mask]",
     "[STEP 1: MAKE STATIC MASKS]# comment"],
)
def test_every_form_of_the_section_is_read(section: str) -> None:
    assert load(f"{section}\nstatic_sig = 3# comment\n") == replace(DEFAULTS, static_sig=3.0)


@pytest.mark.parametrize("task", ["staticMask", "'staticMask'", "staticmask", "", '""'])
def test_the_file_may_contain_the_name_of_the_task(task: str) -> None:
    assert load(f"_task_name_ = {task}# \nstatic_sig = 3\n") == replace(DEFAULTS, static_sig=3.0)


@pytest.mark.parametrize("content", ["", "\n\n", "# comment\n", "[_RULES_]\n",
                                     "[STEP 1: STATIC MASK]\n", "\ufeffstatic = True\r\n"])
def test_a_file_without_parameters_leaves_the_defaults(content: str) -> None:
    assert load(content) == DEFAULTS


def test_a_whole_astrodrizzle_cfg_is_read_for_its_step_1_and_its_final_bits() -> None:
    assert load(WHOLE) == replace(IN_WHOLE, final_bits=CLEARED)


def test_a_whole_astrodrizzle_cfg_is_recognized_by_its_sections_too() -> None:
    assert load(WHOLE.partition("\n")[2]) == replace(IN_WHOLE, final_bits=CLEARED)


def test_final_bits_of_other_steps_than_7_are_ignored() -> None:
    assert load(WHOLE.replace("final_bits = 64, 32# good bits\n", "")) == IN_WHOLE


@pytest.mark.parametrize("section", ["root", "step 1"])
def test_final_bits_of_step_1_or_the_root_override_step_7(section: str) -> None:
    before = "input =" if section == "root" else "static = yes"
    assert load(WHOLE.replace(before, f"final_bits = 16\n{before}")) == replace(
        IN_WHOLE, final_bits=str(16 + 4096 + 8192))


@pytest.mark.parametrize(("resetbits", "final_bits", "expected"), [
    ("4096", "0", "4096"), ('"4096"', "64,32", "4192"), ("4096# cosmic rays", "96", "4192"),
    ("4096", "4096,64", "4096,64"), ("4096", "~8192", "~8192"), ("4096", "~4096,64", "~64"),
    ("4096+8192", "0", "12288"), ("0", "64", "64"), ("None", "64", "64"), ("", "0", "0"),
    ("4096", "None", None), ("4096", "WARMPIX", "WARMPIX"), ("odd", "64", "64"),
])
def test_the_bits_that_astrodrizzle_clears_are_good(
    resetbits: str, final_bits: str, expected: str | None
) -> None:
    text = WHOLE.replace('"4096,8192"', resetbits).replace("64, 32# good", f"{final_bits}# good")
    assert load(text).final_bits == expected


@pytest.mark.parametrize(("final_bits", "is_warned"), [
    ("0", True), ("64", True), ("4096", True), ("12288", False), ("None", False), (None, False),
    ("~64", False), ("WARMPIX", True),
])
def test_final_bits_that_override_those_of_an_astrodrizzle_cfg_are_used_as_they_are(
    caplog: pytest.LogCaptureFixture, final_bits: str | None, *, is_warned: bool
) -> None:
    load(WHOLE)
    caplog.clear()
    parameters = Parameters.load("run.cfg", {"final_bits": final_bits})
    assert parameters.final_bits == (None if final_bits == "None" else final_bits)
    warned = "run.cfg resetbits = 4096,8192: these DQ bits, which AstroDrizzle would clear, make"
    assert (warned in caplog.text) is is_warned


def test_astrodrizzle_itself_has_cleared_the_bits(caplog: pytest.LogCaptureFixture) -> None:
    source = {"resetbits": 4096, "STEP 7: DRIZZLE": {"final_bits": 0}}
    assert Parameters.load(source).final_bits == "0"
    assert Parameters.load(source, {"final_bits": 0}).final_bits == "0"
    assert caplog.text == ""


FOREIGN = ("; expected a .cfg of staticmask, drizzlepac's staticMask or AstroDrizzle")


@pytest.mark.parametrize(("content", "found"), [
    ("[metadata]\nname = x\n[options]\npackages = find:\nrequires =\n    numpy\n",
     "run.cfg: has no parameter of static masks, but [metadata], [options]" + FOREIGN),
    ("[flake8]\nignore = E1\n",
     "run.cfg: has no parameter of static masks, but [flake8]" + FOREIGN),
    ("DETECT_THRESH 1.5\nCATALOG_NAME x.cat\nANALYSIS 1\nFILTER Y\n",
     "run.cfg: has no parameter of static masks, but lines of no such form" + FOREIGN),
    ("one = 1\ntwo = 2\nthree = 3\nfour = 4\n",
     "run.cfg: has no parameter of static masks, but one, two, three and 1 more" + FOREIGN),
    ('{"_mdriztab_btn_": "Update", "STEP 1: STATIC MASK": {"static": true}}',
     ("run.cfg: is a JSON file, such as parameters of HAP (Hubble Advanced Products) or an "
      "association; expected a ConfigObj .cfg")),
    (f"[{'x' * 150}]\n{'y' * 90_000} = 1\n",
     f"run.cfg: has no parameter of static masks, but [{'x' * 39}" + FOREIGN),
])
def test_a_file_of_another_program_is_refused_in_one_line(content: str, found: str) -> None:
    assert problems(content) == [found]


def test_unknown_names_of_other_steps_are_ignored_but_not_those_of_step_1() -> None:
    loose = WHOLE.replace("skysub", "sky_surprise").replace("output", "outptu")
    assert load(loose) == replace(IN_WHOLE, final_bits=CLEARED)
    assert problems(WHOLE.replace("static_sig = 4.5", "statc_sig = 4.5")) == [
        f"run.cfg [STEP 1: STATIC MASK] statc_sig = 4.5: {UNKNOWN} did you mean static_sig?"
    ]


def test_an_invalid_value_in_a_whole_astrodrizzle_cfg_names_its_step() -> None:
    found = problems(WHOLE.replace("64, 32", "64, 33").replace("= 4.5", "= big"))
    assert len(found) == 2
    assert found[0].startswith(
        "run.cfg [STEP 7: DRIZZLE FINAL COMBINED IMAGE] final_bits = 64, 33: expected None (DQ")
    assert found[1] == "run.cfg [STEP 1: STATIC MASK] static_sig = big: expected a number > 0"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("[STEP 1: STATIC MASK]\nstatic_sig = big# comment",
         "run.cfg [STEP 1: STATIC MASK] static_sig = big: expected a number > 0"),
        ("group = x", "run.cfg group = x: expected extension numbers (1 or 1,4), sci,2 or None"),
        ("Static_Sig = 3",
         f"run.cfg Static_Sig = 3: {UNKNOWN} did you mean static_sig?"),
        ("[STEP 1: STATIC MASK]\nfinalbits = 3",
         f"run.cfg [STEP 1: STATIC MASK] finalbits = 3: {UNKNOWN} did you mean final_bits?"),
        ("q = 3",
         f"run.cfg q = 3: {UNKNOWN} there are {', '.join(NAMES)}"),
        ("[STATIC MASK]\nstatic_sig = 3",
         "run.cfg [STATIC MASK]: no such section; did you mean STEP 1: STATIC MASK?"),
        ("[STEP 1: STATIC MASK\nstatic_sig = 3",
         f"run.cfg line 1: [STEP 1: STATIC MASK: {NO_PAIR}"),
        ("static_sig = 3\nstatic_sig = 4", f"run.cfg line 2: static_sig = 4: {NO_PAIR}"),
        ("static_sig = 3\n\njust words", f"run.cfg line 3: just words: {NO_PAIR}"),
        ("_task_name_ = tweakreg# \nstatic_sig = 3",
         "run.cfg: these are the parameters of task 'tweakreg', expected staticMask"),
        (b"static_sig = \xff\xfe", "run.cfg: expected a ConfigObj .cfg, found a binary file"),
        (b"static_sig = 3\0",
         "run.cfg: expected a ConfigObj .cfg, found a binary file or one of over 1 MiB"),
        ("# long\n" * 150_000,
         "run.cfg: expected a ConfigObj .cfg, found a binary file or one of over 1 MiB"),
    ],
    ids=["value", "value-at-root", "case", "name", "name-like-none", "section", "bracket",
         "twice", "no-pair", "foreign-task", "not-utf-8", "nul", "too-long"],
)
def test_a_problem_is_reported_with_its_position(content: str | bytes, found: str) -> None:
    assert problems(content) == [found]


@pytest.mark.parametrize("line", [f"a{' ' * 100}x", "[" * 201], ids=["blanks", "brackets"])
def test_a_line_that_configobj_parses_in_quadratic_time_is_refused(line: str) -> None:
    (problem,) = problems(f"static = True\n{line}\n")
    assert problem.startswith("run.cfg line 2: expected less than 100 blanks in a row, and sect")


def test_long_values_are_read() -> None:
    names = ",".join(f"j{number:05}_flt.fits" for number in range(5000))
    assert load(f"input = {names}{' ' * 99}# comment") == DEFAULTS.with_input((names,))


def test_a_parameter_in_a_subsection_is_not_ignored() -> None:
    found = problems("[STEP 1: STATIC MASK]\n[[more]]\nstatic_sig = 3")
    assert len(found) == 1
    assert found[0].startswith("run.cfg [")
    assert "more" in found[0]


def test_all_problems_of_a_file_are_reported_at_once() -> None:
    found = problems(
        "gruop = 1\nstatic = maybe\n[nowhere]\n[STEP 1: STATIC MASK]\nstatic_sig = -1\n"
        "final_bits = 1.5\nwords\n"
    )
    assert found[0] == f"run.cfg line 7: words: {NO_PAIR}"
    assert sorted(line.partition(": ")[0] for line in found[1:]) == [
        "run.cfg [STEP 1",
        "run.cfg [STEP 1",
        "run.cfg [nowhere]",
        "run.cfg gruop = 1",
        "run.cfg static = maybe",
    ]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("missing.cfg", "No such file or directory"),
        ("folder.cfg", "Is a directory"),
        ("run.cfg/x.cfg", "Not a directory"),
        ("nul\0.cfg", "embedded null byte"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_cause(path: str, reason: str) -> None:
    Path("run.cfg").write_text("static = True\n")
    Path("folder.cfg").mkdir()
    with pytest.raises(ConfigError) as caught:
        Parameters.load(path)
    assert str(caught.value) == f"{path}: cannot read the parameters: {reason}"


@pytest.mark.parametrize(
    ("name", "hint"),
    [("STATICSIG", "; did you mean sig?"), ("qqq", "; there are sig, bits")],
)
def test_the_nearest_name_is_suggested_or_all_are_listed(name: str, hint: str) -> None:
    assert nearest(name, ["sig", "bits"]) == hint


_PIECES = st.sampled_from([
    "static_sig", "input", "final_bits", "group", "_task_name_", "=", " = ", "[", "]", "[[", "]]",
    "[STEP 1: STATIC MASK]", "[STEP 7: X]", "\n", "\r", "\t", " ", "#", ",", '"', "'", '"""',
    "'''", "\\", "%(x)s", "${x}", "4", "64,32", "None", "astrodrizzle", "\u2028", "\x0c", "~", "(",
])
_HOSTILE = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.lists(_PIECES, max_size=40).map(lambda pieces: "".join(pieces).encode()),
)


@settings(max_examples=100)
@given(content=_HOSTILE)
@example(content=b'"" = 3')
@example(content=b"[_task_name_]\n[STEP 1: STATIC MASK]")
@example(content=b"[input]\ninput = 3")
@example(content=b"input = '''a\n'''b")
@example(content=b"[[[[[]]]]]")
def test_any_content_is_read_or_refused(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "hostile.cfg"
    path.write_bytes(content)
    try:
        parameters = Parameters.load(str(path))
    except ConfigError as error:
        assert str(path) in str(error)  # noqa: PT017 - success is valid too
    else:
        assert parameters.static_sig > 0
