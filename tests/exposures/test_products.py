"""Drizzled products and the reads of a ramp are no exposures, unless the user insists."""

from typing import Any

import numpy as np
import pytest

from staticmask_cli import create_masks
from staticmask_cli.errors import ExposureError
from tests.support.exposures import WriteExposure, sky
from tests.support.oracle import oracle_mask

pytestmark = pytest.mark.usefixtures("folder")


def ramp(*samples: int | None) -> list[dict[str, Any]]:
    return [{"data": sky(seed=place), **({} if number is None else {"SAMPNUM": number})}
            for place, number in enumerate(samples)]


@pytest.mark.parametrize(
    ("samples", "last"), [((3, 2, 1, 0), 1), ((0, 1, 2), 3), ((None, None), 1)]
)
@pytest.mark.parametrize("camera", [("WFC3", "IR"), ("NICMOS", None)])
def test_the_reads_of_a_detector_are_refused_and_the_last_one_is_offered(
    samples: tuple[int | None, ...], last: int, camera: tuple[str, str | None],
    write_exposure: WriteExposure,
) -> None:
    path = write_exposure("i1_ima.fits", chips=ramp(*samples), instrume=camera[0],
                          detector=camera[1], OBSMODE="MULTIACCUM", CAMERA=1)
    message = rf"i1_ima\.fits: holds {len(samples)} reads .* --group sci,{last}$"
    for group in (None, f"sci,{2 if last == 1 else 1}", "sci,1,sci,2"):
        with pytest.raises(ExposureError, match=message):
            create_masks(path, group=group)
    (mask,) = create_masks(path, group=f"sci,{last}", static_sig=2.0)
    np.testing.assert_array_equal(mask.array, oracle_mask([sky(seed=last - 1)], 2.0))


def test_a_calibrated_exposure_of_a_ramp_is_an_exposure(write_exposure: WriteExposure) -> None:
    path = write_exposure(chips=ramp(15), instrume="WFC3", detector="IR", OBSMODE="MULTIACCUM")
    assert len(create_masks(path)) == 1


@pytest.mark.parametrize(
    ("name", "keywords"),
    [("f606w_drz.fits", {}), ("f606w_DRC.fits", {}), ("jw1_i2d.fits", {}),
     ("f606w_drz_sci.fits", {}), ("final.fits", {"NDRIZIM": 4}),
     ("final.fits", {"S_RESAMP": "COMPLETE"})],
)
def test_a_drizzled_product_is_refused_unless_group_insists(
    name: str, keywords: dict[str, Any], write_exposure: WriteExposure
) -> None:
    path = write_exposure(name, **keywords)
    with pytest.raises(ExposureError, match=r"is a drizzled product .* with --group 1"):
        create_masks(path)
    assert len(create_masks(path, group=1)) == 1


def test_names_that_only_remind_of_products_are_exposures(write_exposure: WriteExposure) -> None:
    path = write_exposure("not_drz_flt.fits", S_RESAMP="SKIPPED")
    assert len(create_masks(path)) == 1
