"""How the time of layers is summed by part of the network."""

from benchmarks.network_layers import COLUMNS, Layer, add
from benchmarks.report import Report

LAYERS = [
    Layer("/stem/conv/Conv/WithoutBiases", "brgconv_avx512_f32", 2.0),
    Layer("/stage4/stage4.0/depthwise/conv/Conv", "brgconv_avx512_dw_I8", 0.5),
    Layer("/stage4/stage4.1/join/conv/Conv", "brgconv_avx512_1x1_f32", 1.5),
    Layer("Convert_2136", "jit_avx512_I8", 1.0),
]


def test_a_layer_belongs_to_the_part_that_its_name_begins_with() -> None:
    assert [layer.part for layer in LAYERS] == ["stem", "stage4", "stage4", "other"]
    assert [layer.in_float for layer in LAYERS] == [True, False, True, False]


def test_the_parts_of_a_precision_sum_to_the_whole() -> None:
    report = Report("network_layers", 0, packages=(), columns=COLUMNS)
    add(report, "int8", LAYERS, each=True)
    figures = {k: v for k, v in report.figures.items() if k.startswith("int8_")}
    assert figures == {
        "int8_all_ms": 5.0,
        "int8_all_in_float_ratio": 0.7,
        "int8_stem_ms": 2.0,
        "int8_stem_in_float_ratio": 1.0,
        "int8_stage4_ms": 2.0,
        "int8_stage4_in_float_ratio": 0.75,
        "int8_other_ms": 1.0,
        "int8_other_in_float_ratio": 0.0,
    }
