"""Names of the masks of every camera that can be simulated."""



# Camera: the names of its masks, as the table in examples/instruments has them.
NAMES = {
    "ACS/WFC": ["ACSWFC_{}_1", "ACSWFC_{}_2"],
    "ACS/HRC": ["ACSHRC_{}_1"],
    "ACS/SBC": ["ACSSBC_{}_1"],
    "WFC3/UVIS": ["WFC3UVIS_{}_1", "WFC3UVIS_{}_2"],
    "WFC3/IR": ["WFC3IR_{}_1"],
    "WFPC2": ["WFPC2PC_{}_1", "WFPC2WF2_{}_2", "WFPC2WF3_{}_3", "WFPC2WF4_{}_4"],
    "STIS/CCD": ["STISCCD_{}_1"],
    "STIS/FUV-MAMA": ["STISFUV-MAMA_{}_1"],
    "STIS/NUV-MAMA": ["STISNUV-MAMA_{}_1"],
    "NICMOS/1": ["NICMOS1_{}_1"],
    "NICMOS/2": ["NICMOS2_{}_2"],
    "NICMOS/3": ["NICMOS3_{}_3"],
    "NIRCAM/NRCA1": ["NIRCAMNRCA1_{}_1"],
    "MIRI/MIRIMAGE": ["MIRIMIRIMAGE_{}_1"],
    "NIRISS/NIS": ["NIRISSNIS_{}_1"],
    "any camera": ["MOSAIC3_{}_1"],
}
