"""URLs: their parts, and that they never show their credentials."""

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from staticmask_cli.io.urls import (
    RedactedURL,
    folder_of,
    has_wildcard,
    is_remote,
    join_url,
    redacted,
    with_credentials,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://bucket/visit/a_flt.fits", None),
        ("s3://bucket/visit/j8?t*_flt.fits", None),
        ("a_flt.fits", None),
        ("https://host:8080/a_flt.fits", None),
        ("https://me:pass@host/a.fits", "https://host/a.fits"),
        ("https://me:p@ss,word@host/a.fits", "https://host/a.fits"),
        ("HTTPS://me@host/a.fits", "HTTPS://host/a.fits"),
        ("https://host/a.fits?X-Amz-Signature=ab%2Fc&X-Amz-Date=1", "https://host/a.fits"),
        ("https://host/a.fits?token", "https://host/a.fits"),
        ("https://host/a.fits#access_token=1", "https://host/a.fits"),
        ("https://host/get?uri=mast:HST/a.fits&token=1", "https://host/get?uri=mast:HST/a.fits"),
        ("s3://bucket/a.fits?sig=1", "s3://bucket/a.fits"),
        ("ftp://me:pass@host/a.fits", "ftp://host/a.fits"),
        ("s3://b/k.fits,https://me:pass@host/a.fits?s=1,https://me:word@host/b.fits",
         "s3://b/k.fits,https://host/a.fits,https://host/b.fits"),
        ("@https://me:pass@host/all.lst", "@https://host/all.lst"),
        ("https://me:pa'ss@host/it's.fits?sig=a'b", "https://host/it's.fits"),
        ("https://me:pa ss@host/a b.fits?sig=ab", "https://host/a b.fits"),
        ("https://me:pa/ss@host/a.fits", "https://host/a.fits"),
        ("https://me:/pa/s?s@host:80/a.fits?sig=1", "https://host:80/a.fits"),
        ("https://me:pa#ss@host/a.fits", "https://host/a.fits"),
        ("s3://AKIAKEY:ab/cd+ef@bucket/a.fits", "s3://bucket/a.fits"),
        ("https://host:8080/a@b/c.fits", None),
        ("http://[::1]:8080/a@b.fits", None),
        ("https://host:8080/a.fits,@visit.lst", None),
        ("https://host/a.fits;sig=ab/cd%3D", "https://host/a.fits"),
        ("https://host/a.fits&sig=ab", "https://host/a.fits"),
        ("https://host/a;b.fits", None),
        ("'https://host/a.fits;sig=ab': no answer", "'https://host/a.fits': no answer"),
        ("https://host/a.fits;sig=1,https://host/b.fits", "https://host/a.fits,https://host/b.fits"),
        ("cannot get 'https://me:pass@host/a?sig=1': status 403",
         "cannot get 'https://host/a': status 403"),
    ],
)
def test_a_redacted_text_shows_no_secrets(text: str, shown: str | None) -> None:
    found = redacted(text)
    assert str(found) == f"{found}" == (text if shown is None else shown)
    assert with_credentials(found) == text
    assert isinstance(found, RedactedURL) == (shown is not None)


@given(st.text(st.characters(exclude_characters="/?#", exclude_categories=("C", "Cs"))),
       st.text(st.characters(exclude_categories=("Z", "C", "Cs"))))
def test_no_part_of_user_and_query_is_shown(user: str, query: str) -> None:
    if "uri=" not in query and "://" not in query:
        shown = str(redacted(f"https://{user}@host/a_flt.fits?{query}"))
        assert shown.rstrip("]'\"):;>,") == "https://host/a_flt.fits"


def test_a_redacted_url_keeps_its_credentials_in_other_processes_and_derived_urls() -> None:
    url = redacted("https://me:pass@host/visit/a_flt.fits?sig=1")
    assert with_credentials(pickle.loads(pickle.dumps(url))) == with_credentials(url)  # noqa: S301 - our own bytes
    for text in (f"{url}", url + "", url.replace("x", "y"), "".join(iter([url])), url[:]):
        assert with_credentials(text) == "https://host/visit/a_flt.fits"
    assert json.dumps([url]) == '["https://host/visit/a_flt.fits"]'
    assert repr(url) == "'https://host/visit/a_flt.fits'"
    assert with_credentials(redacted(url)) == with_credentials(url)
    folder = folder_of(url)
    assert str(folder) == "https://host/visit"
    assert with_credentials(join_url(folder, "b_flt.fits")) == "https://me:pass@host/visit/b_flt.fits"


@pytest.mark.parametrize(("path", "remote"), [
    ("s3://b/k", True), ("memory://b/k", True), ("a_flt.fits", False), (r"C:\a_flt.fits", False),
    ("c://a", False), ("folder//a_flt.fits", False), ("@s3://b/k", False), ("", False),
])
def test_urls_are_distinguished_from_paths(path: str, *, remote: bool) -> None:
    assert is_remote(path) == remote


@pytest.mark.parametrize(("url", "pattern"), [
    ("s3://b/*flt.fits", True), ("s3://b/a?_flt.fits", True), ("s3://b/[ab].fits", True),
    ("s3://b/a_flt.fits", False), ("https://h/a.fits?x=*", False), ("https://h/*.fits", True),
    ("https://h/a.fits?x=1", False),
])
def test_patterns_are_distinguished_from_urls_with_queries(url: str, *, pattern: bool) -> None:
    assert has_wildcard(url) == pattern
