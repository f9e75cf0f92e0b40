"""Test the parameters: their defaults, types and precedence, and how they are written."""

import dataclasses
import inspect
import os
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import staticmask_cli
from staticmask_cli import Parameters, create_masks
from staticmask_cli.cli import cli
from staticmask_cli.config.cfgfile import declarations
from staticmask_cli.config.kinds import expected_of
from staticmask_cli.config.texts import check_texts, texts_of
from staticmask_cli.errors import ConfigError, OutputError, described
from staticmask_cli.masks.bitmask import good_bits
from tests.support.exposures import WriteExposure, digest

PACKAGE = Path(staticmask_cli.__file__).parent
CONFIGSPEC = next(
    folder for folder in (PACKAGE / "configspec", PACKAGE.parent / "configspec") if folder.is_dir()
)
DEFAULTS = Parameters(input=(), group=(), name="{signature}", static=True, static_sig=4.0,
                      sky="global", agree="any", final_bits=None, high=False, least_depth=0.5,
                      include=(), include_bad=None, instrument=None, sci_ext=None, dq_ext=None)
OTHERS = Parameters(("a b.fits",), (1, ("SCI", 2)), "{signature}_{filter}", static=False,
                    static_sig=0.1, sky="local", agree="joint", final_bits="~64", high=True,
                    least_depth=0.25, include=("a.reg",), include_bad=1, instrument="My Camera",
                    sci_ext="S*,N*", dq_ext="_ooi_=_ood_")
FLAGS = {"HOTPIX": 16, "WARMPIX": 64}
CANNOT_BE_WRITTEN = r"cannot be written in a \.cfg; .* in an @list"

BITS = [
    (None, None), ("", None), ("None", None), ("none", None), ("INDEF", None), (" indef ", None),
    (0, 0), ("0", 0), (96, 96), ("96", 96), ("65535", 65535), ("64,32", 96), ("64, 32", 96),
    ("64+32", 96), ("(64,32)", 96), ([64, 32], 96), ((64, 32), 96), (["64", "32"], 96),
    ("64,64", 64), ("~4096", ~4096), ("~64,32", ~96), ("~(64,32)", ~96), ("~0", -1),
    ("WARMPIX,HOTPIX", 80), ("hotpix", 16), ("~WARMPIX+HOTPIX", ~80),
]
INVALID_BITS = ["8,", "1.5", 1.5, "0x60", "3,4", "64 32", "4,8+512", "~", "HOTPIX,64", "-", True]
GROUPS = [
    (None, ()), ("", ()), ("None", ()), ("INDEF", ()),
    (1, (1,)), ("1", (1,)), (1.0, (1,)), ("1.0", (1,)), ("0", (0,)), ("1,4", (1, 4)),
    (" 1 , 4 ", (1, 4)), ([1, 4], (1, 4)), ((1, "4"), (1, 4)), ("sci,2", (("SCI", 2),)),
    ("SCI, 2", (("SCI", 2),)), ("sci,1,sci,2", (("SCI", 1), ("SCI", 2))),
    ("1,sci,2", (1, ("SCI", 2))), (("sci", 2), (("SCI", 2),)),
]
INVALID_GROUPS = ["sci", "sci,x", "sci,sci,1", "dq,1", "-1", "1.5", "1,", "1,,4", "x", "²", True,
                "99999999"]
SWITCHES = [
    *((value, True) for value in (True, "True", "TRUE", "yes", "On", "1", 1)),
    *((value, False) for value in (False, "False", "false", "no", "OFF", " 0 ", 0)),
]
SIGMAS = [(4, 4.0), ("4", 4.0), ("1e1", 10.0), (" 2.5 ", 2.5), (0.5, 0.5),
          ("0.10000000149011612", 0.10000000149011612)]
INVALID_SIGMAS = ["big", "", None, 0, "-1", "nan", "inf", "-inf", "1e999", True, "3.5 3.0", "3,5"]
SKIES = [("global", "global"), (" Local ", "local")]
AGREEMENTS: list[tuple[object, object]] = [
    ("any", "any"), ("ALL", "all"), ("2", 2), (2, 2), (" 12 ", 12), (999_999, 999_999),
    ("0.5", 0.5), (0.5, 0.5), ("1.0", 1.0), (1.0, 1.0), ("1e-1", 0.1), (np.int64(3), 3),
    (np.float64(0.25), 0.25),
]
INVALID_AGREEMENTS = ["", None, "some", 0, "0", "0.0", -1, "-1", "-0.5", "1.5", 2.0, "nan", "inf",
                    "50%", True, "1000000", "9" * 5000, "²", [2]]
WORDS = [("a.fits", ("a.fits",)), (Path("a.fits"), ("a.fits",)), ("", ()), ((), ()),
         (["a.fits", Path("b.fits")], ("a.fits", "b.fits")), ("@a.lst", ("@a.lst",))]


def _is_a_word(word: str) -> bool:
    """Check that a .cfg reads a word as one: without outer blanks, and not as a default."""
    return word == word.strip() and word.lower() not in ("", "none", "indef")


_NAME_OR_NONE = st.none() | st.text(
    st.characters(exclude_categories=["C", "Z"], include_characters=" ",
                  exclude_characters="#\"'"), max_size=20)
_LETTERS = st.characters(exclude_categories=["C", "Z"], include_characters=" ",
                         exclude_characters=",")
_WORD = st.text(_LETTERS, min_size=1, max_size=20).filter(_is_a_word)
_PARAMETERS = st.fixed_dictionaries({
    "input": st.lists(_WORD, max_size=3),
    "group": st.sampled_from([value for value, _ in GROUPS]),
    "static": st.booleans(),
    "static_sig": st.floats(min_value=0, exclude_min=True, allow_infinity=False),
    "sky": st.sampled_from(["global", "local"]),
    "agree": st.sampled_from([value for value, _ in AGREEMENTS]),
    "final_bits": st.sampled_from([value for value, _ in BITS]),
    **dict.fromkeys(("instrument", "sci_ext"), _NAME_OR_NONE),
    "dq_ext": _NAME_OR_NONE.filter(lambda text: text is None or "=" not in text),
})


# Defaults and precedence.


def test_the_defaults_are_those_that_are_documented() -> None:
    assert Parameters.load() == DEFAULTS


def test_the_default_cfg_is_the_one_that_parameters_write() -> None:
    text = (CONFIGSPEC / "staticmask.cfg").read_text(encoding="utf-8")
    assert Parameters.load().text() == text
    assert Parameters.load(str(CONFIGSPEC / "staticmask.cfg")) == DEFAULTS


def test_create_masks_has_the_defaults_of_the_configspec() -> None:
    names = {field.name for field in dataclasses.fields(Parameters)} - {"input", "static"}
    signature = inspect.signature(create_masks).parameters
    defaults = {name: signature[name].default for name in names}
    assert Parameters.load(None, defaults) == DEFAULTS
    assert defaults["static_sig"] == DEFAULTS.static_sig


def test_the_help_shows_the_defaults_of_the_configspec() -> None:
    output = CliRunner().invoke(cli, ["create", "--help"]).stdout.partition("\nParameters:")[2]
    shown = {
        "--static": "static" if DEFAULTS.static else "no-static",
        "--static-sig": str(DEFAULTS.static_sig),
        "--sky": DEFAULTS.sky,
        "--agree": str(DEFAULTS.agree),
        "--final-bits": str(DEFAULTS.final_bits),
        "--group": "all SCI extensions",
    }
    for option, default in shown.items():
        found = re.search(rf" {option} .*?\[default: (.*?)\]", " ".join(output.split()))
        assert found is not None, option
        assert found[1] == default


def test_given_values_override_a_cfg_which_overrides_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "run.cfg"
    path.write_text("input = a.fits\n[STEP 1: STATIC MASK]\nstatic_sig = 3\nfinal_bits = 64\n")
    assert Parameters.load(str(path)) == dataclasses.replace(
        DEFAULTS, input=("a.fits",), static_sig=3.0, final_bits="64")
    given = {"static_sig": "5", "final_bits": "None"}
    assert Parameters.load(str(path), given) == dataclasses.replace(
        DEFAULTS, input=("a.fits",), static_sig=5.0)


def test_only_a_named_cfg_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (tmp_path, tmp_path / ".teal"):
        folder.mkdir(exist_ok=True)
        for name in ("staticmask.cfg", "staticMask.cfg", "astrodrizzle.cfg"):
            (folder / name).write_text("static_sig = 9\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Parameters.load() == DEFAULTS


# The values of each parameter.


@pytest.mark.parametrize(("value", "number"), BITS)
def test_every_spelling_of_final_bits_has_its_meaning(value: object, number: int | None) -> None:
    final_bits = Parameters.load(None, {"final_bits": value}).final_bits
    assert good_bits(final_bits, "ACS", FLAGS) == number


@pytest.mark.parametrize(("value", "group"), GROUPS)
def test_every_spelling_of_group_has_its_meaning(value: object, group: tuple[object]) -> None:
    assert Parameters.load(None, {"group": value}).group == group


@pytest.mark.parametrize(("value", "static"), SWITCHES)
def test_every_spelling_of_static_has_its_meaning(value: object, *, static: bool) -> None:
    assert Parameters.load(None, {"static": value}).static is static


@pytest.mark.parametrize(("value", "sigma"), SIGMAS)
def test_every_spelling_of_static_sig_has_its_meaning(value: object, sigma: float) -> None:
    assert Parameters.load(None, {"static_sig": value}).static_sig == sigma


@pytest.mark.parametrize(("value", "sky"), SKIES)
def test_every_spelling_of_sky_has_its_meaning(value: object, sky: str) -> None:
    assert Parameters.load(None, {"sky": value}).sky == sky


@pytest.mark.parametrize(("value", "agree"), AGREEMENTS)
def test_every_spelling_of_agree_has_its_meaning(value: object, agree: object) -> None:
    found = Parameters.load(None, {"agree": value}).agree
    assert (found, type(found)) == (agree, type(agree))


@pytest.mark.parametrize(("value", "words"), WORDS)
def test_input_accepts_words_and_paths(value: object, words: tuple[str, ...]) -> None:
    assert Parameters.load(None, {"input": value}).input == words


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        *(("final_bits", value, "None .DQ is not read., 0 .*96.*64,32 or 64.32.*~4096.*WARMPIX")
          for value in INVALID_BITS),
        *(("group", value, "extension numbers .1 or 1,4., sci,2 or None")
          for value in INVALID_GROUPS),
        *(("static", value, "True or False") for value in ("perhaps", "", None, 2)),
        *(("static_sig", value, "a number > 0") for value in INVALID_SIGMAS),
        *(("sky", value, "global or local") for value in ("", None, "both", 1)),
        *(("agree", value, "any, all, a count of exposures .2., a fraction of them .0.5., or joint")
          for value in INVALID_AGREEMENTS),
        *(("input", value, "file names, wildcards, comma lists or @lists")
          for value in (3, None, [3], ["a.fits", None], b"a.fits")),
    ],
)
def test_an_invalid_value_is_refused_with_what_was_expected(
    name: str, value: object, expected: str
) -> None:
    text = re.escape(f"{name} = {described(value)}: expected ")
    with pytest.raises(ConfigError, match=f"^{text}{expected}"):
        Parameters.load(None, {name: value})


def test_an_unknown_name_is_refused_and_the_nearest_suggested() -> None:
    with pytest.raises(ConfigError, match=r"^finalbits = 64: .* did you mean final_bits\?$"):
        Parameters.load(None, {"finalbits": "64"})


def test_all_problems_of_file_and_values_are_reported_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run.cfg").write_text(
        "gruop = 1\n[STEP 1: STATIC MASK]\nstatic = maybe\nstatic_sig = big\nsomething else\n"
    )
    with pytest.raises(ConfigError) as caught:
        Parameters.load("run.cfg", {"group": "sci", "static_sig": "-1"})
    assert set(str(caught.value).splitlines()) == {
        "run.cfg line 5: something else: expected 'name = value' or '[section]', each name once",
        "run.cfg gruop = 1: no such parameter; did you mean group?",
        "run.cfg [STEP 1: STATIC MASK] static = maybe: expected True or False",
        "run.cfg [STEP 1: STATIC MASK] static_sig = big: expected a number > 0",
        "group = sci: expected extension numbers (1 or 1,4), sci,2 or None",
        "static_sig = -1: expected a number > 0",
    }


def test_parameters_cannot_be_changed() -> None:
    parameters = Parameters.load()
    for field in dataclasses.fields(parameters):
        with pytest.raises(dataclasses.FrozenInstanceError, match=field.name):
            setattr(parameters, field.name, None)


def test_the_exposures_can_be_replaced() -> None:
    parameters = Parameters.load(None, {"input": "a.fits", "static_sig": 3})
    other = parameters.with_input(("b.fits",))
    assert other == dataclasses.replace(parameters, input=("b.fits",))
    assert parameters.input == ("a.fits",)


# Parameters as a .cfg.


@settings(max_examples=80)
@given(values=_PARAMETERS)
def test_saved_parameters_load_again(
    values: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> None:
    parameters = Parameters.load(None, values)
    path = tmp_path_factory.getbasetemp() / "saved.cfg"
    joined = ",".join(parameters.input)
    if "'" in joined and '"' in joined:
        with pytest.raises(ConfigError, match=CANNOT_BE_WRITTEN):
            parameters.save(str(path))
        return
    parameters.save(str(path))
    assert path.read_text(encoding="utf-8") == parameters.text()
    # Words come back as one comma list, which means the same.
    loaded = Parameters.load(str(path))
    assert loaded == parameters.with_input((joined,) if joined else ())


@pytest.mark.parametrize(
    "name", ["a'\"b.fits", "a\nb.fits", "a\0b.fits", os.fsdecode(b"\xff.fits")], ids=ascii
)
def test_a_name_that_a_cfg_cannot_hold_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "run.cfg"
    with pytest.raises(ConfigError, match=CANNOT_BE_WRITTEN):
        Parameters.load(None, {"input": name}).save(str(path))
    assert list(tmp_path.iterdir()) == []


def test_parameters_are_not_saved_over_an_exposure(write_exposure: WriteExposure) -> None:
    path = write_exposure()
    before = digest(path)
    with pytest.raises(OutputError, match="is not a text file and stays as it is"):
        Parameters.load().save(str(path))
    assert digest(path) == before


# Parameters as the texts of the form.


def test_there_is_a_text_for_every_parameter() -> None:
    assert list(texts_of(DEFAULTS)) == list(declarations())
    assert texts_of(OTHERS) == {
        "input": '"a b.fits"', "group": "1,sci,2", "name": "{signature}_{filter}",
        "static": "False", "static_sig": "0.1", "sky": "local", "agree": "joint",
        "final_bits": "~64", "high": "True", "least_depth": "0.25", "include": "a.reg",
        "include_bad": "1", "instrument": "My Camera", "sci_ext": "S*,N*",
        "dq_ext": "_ooi_=_ood_",
    }


@pytest.mark.parametrize("parameters", [DEFAULTS, OTHERS])
def test_texts_are_read_back_to_the_same_parameters(parameters: Parameters) -> None:
    assert check_texts(texts_of(parameters)) == parameters


@pytest.mark.parametrize("text", ["", "  ", "None", "INDEF"])
def test_a_blank_text_asks_for_the_default(text: str) -> None:
    assert check_texts(dict.fromkeys(texts_of(DEFAULTS), text)) == DEFAULTS


def test_a_name_with_blanks_needs_no_quotes() -> None:
    assert check_texts({"input": "a b.fits"}) == DEFAULTS.with_input(("a b.fits",))


def test_every_invalid_text_is_named_with_what_was_expected() -> None:
    texts = {**texts_of(OTHERS), "group": "sci", "static_sig": "big", "final_bits": "8,"}
    assert check_texts(texts) == {
        "group": f"expected {expected_of('group')}",
        "static_sig": "expected a number > 0",
        "final_bits": f"expected {expected_of('bits')}",
    }
    valid = {"group": "sci,3", "static_sig": "2", "final_bits": "8"}
    assert check_texts({**texts, **valid}) == dataclasses.replace(
        OTHERS, group=(("SCI", 3),), static_sig=2.0, final_bits="8")


def test_high_needs_joint_in_the_form_and_elsewhere() -> None:
    assert check_texts({"sky": "local", "high": "yes"}) == {"high": "True needs agree = joint"}
    assert check_texts({"agree": "joint", "high": "yes"}) == {"agree": "joint needs sky = local"}
    with pytest.raises(ConfigError, match=r"high = True .* needs agree = joint .*agree is 2"):
        Parameters.load(None, {"sky": "local", "agree": "2", "high": True})


def test_a_name_that_a_cfg_cannot_hold_has_no_text() -> None:
    with pytest.raises(ConfigError, match=CANNOT_BE_WRITTEN):
        texts_of(DEFAULTS.with_input(("a'\"b.fits",)))


def test_texts_of_which_none_is_wrong_alone_have_a_problem_together() -> None:
    joint = {"agree": "joint", "sky": "global"}
    assert check_texts(joint) == {"agree": "joint needs sky = local"}
    assert check_texts({**joint, "static_sig": "big"}) == {
        "static_sig": f"expected {expected_of('sigma')}"}
    assert check_texts({**joint, "sky": "local"}) == dataclasses.replace(
        DEFAULTS, agree="joint", sky="local")
