"""The papers' own tables against our networks: parameters and multiply-adds.

Every row says what was published and where, and in which convention multiply-adds were counted
(`attncourse.profiling`). Ours are counted when asked for, on the meta device, so even the biggest
network takes no memory. A row that differs stays in the table and gives its reason.
"""

from typing import TYPE_CHECKING, Any

from attncourse.models.published import Row, printed_like

if TYPE_CHECKING:
    from rich.table import Table


def table() -> "Table":
    """Return all rows as a table for the terminal."""
    from rich.table import Table

    columns = ("network", "parameters", "ours", "MACs", "ours", "convention", "source", "verdict")
    view = Table(*columns, title="The papers' networks and ours")
    for row in ROWS:
        view.add_row(
            row.name,
            row.parameters or "–",
            _ours(row.parameters, row.our_parameters),
            row.macs or "–",
            _ours(row.macs, row.our_macs),
            row.convention,
            row.source,
            row.verdict,
        )
    return view


def _ours(published: str | None, number: int | None) -> str:
    return printed_like(published or ("1.000G" if (number or 0) >= 1e9 else "1.000M"), number)


_VASWANI = "Vaswani et al. 2017, table 3"

_SEQUENCES = (
    Row(
        "Transformer, base",
        "transformer_base",
        _VASWANI,
        parameters="65M",
        image=None,
        reason="counted with the 37,000 tokens of the text; table 3 fits 41,004 to 41,208",
    ),
    Row(
        "Transformer, big",
        "transformer_big",
        _VASWANI,
        parameters="213M",
        image=None,
        reason="counted with the 37,000 tokens of the text; table 3 fits 35,368 to 36,344",
    ),
)

_SE, _CBAM, _BAM = "Hu et al. 2018", "Woo et al. 2018", "Park et al. 2018"
_ECA, _SK = "BangguWu/ECANet, README", "implus/SKNet, README"
_TRIPLET, _COORDINATE = "landskape-ai/triplet-attention, README", "Hou et al. 2021"
_CAFFE = {"stride_first": True}
_WITH_STATISTICS = "equal with the statistics of the norms"
_THOP = "counted by thop, with norms and pooling"
_OPEN = "the repository does not say what it counts besides"
_TENS = "printed in steps of 10M, to which ours rounds"


def _gate(**options: Any) -> dict[str, Any]:
    """Give the gate of a network other options than it has there."""
    return {"gate_options": options}


def _triplet(
    name: str, network: str, parameters: str | None, macs: str, *, kernel: int = 7, reason: str = ""
) -> Row:
    return Row(
        name,
        f"triplet_{network}",
        _TRIPLET,
        parameters,
        macs,
        "all layers",
        options=_gate(kernel=kernel),
        reason=reason,
    )


def _reduced(name: str, reduction: int, parameters: str, *, reason: str = "") -> Row:
    options = _CAFFE | _gate(reduction=reduction)
    return Row(name, "se_resnet50", _SE, parameters, options=options, reason=reason)


_SE_X, _BAM_X = {"attention": "se"}, {"attention": "bam"}

_GATED = (
    Row("ResNet-50", "resnet50", _CBAM, "25.56M", "3.858G", options=_CAFFE),
    Row("SE-ResNet-50", "se_resnet50", _CBAM, "28.09M", "3.860G", options=_CAFFE),
    Row(
        "SE-ResNet-50",
        "se_resnet50",
        _SE,
        "28.1M",
        "3.87G",
        options=_CAFFE,
        reason="3.87 with the sums of the squeeze and the products of the gate",
    ),
    Row("SE-ResNet-50, no biases", "se_resnet50", _TRIPLET, "28.07M", options=_gate(bias=False)),
    _reduced("SE-ResNet-50, r = 2", 2, "45.7M"),
    _reduced("… r = 4", 4, "35.7M", reason=_WITH_STATISTICS),
    _reduced("… r = 8", 8, "30.7M", reason=_WITH_STATISTICS),
    _reduced("… r = 32", 32, "26.9M", reason=_WITH_STATISTICS),
    Row("CBAM-ResNet-18", "cbam_resnet18", _CBAM, "11.78M", "1.815G"),
    Row("CBAM-ResNet-34", "cbam_resnet34", _CBAM, "21.96M", "3.665G"),
    Row("CBAM-ResNet-50", "cbam_resnet50", _CBAM, "28.09M", "3.864G", options=_CAFFE),
    Row("CBAM-ResNet-101", "cbam_resnet101", _CBAM, "49.33M", "7.581G", options=_CAFFE),
    Row("SE-ResNeXt-50", "resnext50", _CBAM, "27.56M", options=_SE_X),
    Row("SE-ResNeXt-101", "resnext101", _CBAM, "48.96M", options=_SE_X),
    Row("BAM-ResNet-50", "bam_resnet50", _BAM, "25.92M", "3.94G", options=_CAFFE),
    Row("ECA-ResNet-18", "eca_resnet18", _ECA, "11.15Mi"),
    Row("ECA-ResNet-34", "eca_resnet34", _ECA, "20.79Mi"),
    Row("ECA-ResNet-50", "eca_resnet50", _ECA, "24.37Mi", "3.86Gi", reason=_THOP),
    Row("ECA-ResNet-101", "eca_resnet101", _ECA, "42.49Mi", "7.35Gi", reason=_THOP),
    Row(
        "ECA-ResNet-152",
        "resnet152",
        _ECA,
        "57.41Mi",
        "10.83Gi",
        options={"attention": "eca"},
        reason="57.404; " + _THOP,
    ),
    Row("ECA-MobileNetV2", "eca_mobilenetv2", _ECA, "3.34Mi"),
    Row("ResNeXt-50", "resnext50", _SK, "25.0M", "4.24G", reason=_OPEN),
    Row("ResNeXt-101", "resnext101", _SK, "44.3M", "7.99G", reason=_OPEN),
    Row("BAM-ResNeXt-50", "resnext50", _SK, "25.4M", "4.31G", options=_BAM_X),
    Row("BAM-ResNeXt-101", "resnext101", _SK, "44.6M", "8.05G", options=_BAM_X, reason=_OPEN),
    Row("SE-ResNeXt-50", "resnext50", _SK, "27.7M", "4.25G", options=_SE_X, reason=_OPEN),
    Row("SE-ResNeXt-101", "resnext101", _SK, "49.2M", "8.00G", options=_SE_X, reason=_OPEN),
    Row("SKNet-50", "sknet50", _SK, "27.5M", "4.47G", reason=_OPEN),
    Row("SKNet-101", "sknet101", _SK, "48.9M", reason=_WITH_STATISTICS),
    Row("SKNet-101", "sknet101", _SK, macs="8.46G", reason=_OPEN),
    _triplet(
        "Triplet-ResNet-18", "resnet18", None, "1.825G", reason="1.829; with k = 3 it is equal"
    ),
    _triplet("… k = 3", "resnet18", None, "1.823G", kernel=3),
    _triplet("Triplet-ResNet-50", "resnet50", "25.56M", "4.169G"),
    _triplet("… k = 3", "resnet50", "25.56M", "4.131G", kernel=3),
    _triplet("Triplet-MobileNetV2", "mobilenetv2", "3.51M", "0.327G"),
    _triplet("… k = 3", "mobilenetv2", "3.506M", "0.322G", kernel=3),
    Row("CA-MobileNetV2", "coordinate_mobilenetv2", _COORDINATE, "3.95M", "310M", reason=_TENS),
    Row("SE-MobileNetV2", "se_mobilenetv2", _COORDINATE, "3.89M", "300M", reason=_TENS),
    Row("CBAM-MobileNetV2", "cbam_mobilenetv2", _COORDINATE, "3.89M", "300M", reason=_TENS),
)

_SEAFORMER = "fudan-zvg/SeaFormer, README"


def _classifying(size: str, parameters: str, macs: str) -> Row:
    """Make a row at the size of ImageNet."""
    return Row(
        f"SeaFormer-{size}",
        f"seaformer_{size.lower()}",
        _SEAFORMER,
        parameters,
        macs,
        convention="products and norms",
    )


def _segmenting(
    size: str,
    data: str,
    parameters: str | None,
    macs: str,
    *,
    image: tuple[int, int] = (512, 512),
    num_classes: int = 150,
) -> Row:
    """Make a row at the size of ADE20K, or another: up to the logits, an eighth of the image."""
    return Row(
        f"SeaFormer-{size}, {data}",
        f"seaformer_{size.lower()}_segmentation",
        _SEAFORMER,
        parameters,
        macs,
        convention="products and norms",
        image=image,
        options={"num_classes": num_classes},
    )


def _driving(size: str, macs: str, image: tuple[int, int]) -> Row:
    data = f"Cityscapes, {image[0]}×{image[1]}"
    return _segmenting(size, data, None, macs, image=image, num_classes=19)


_DENSE = (
    Row("DANet-ResNet-101", "danet_resnet101", "Fu et al. 2019", image=(768, 768)),
    _segmenting("T", "ADE20K", "1.7M", "0.6G"),
    _segmenting("S", "ADE20K", "4.0M", "1.1G"),
    _segmenting("B", "ADE20K", "8.6M", "1.8G"),
    _segmenting("L", "ADE20K", "14.0M", "6.5G"),
    _driving("S", "2.0G", (512, 1024)),
    _driving("S", "8.0G", (1024, 2048)),
    _driving("B", "3.4G", (512, 1024)),
    _driving("B", "13.7G", (1024, 2048)),
    _classifying("T", "1.8M", "0.1G"),
    _classifying("S", "4.1M", "0.2G"),
    _classifying("B", "8.7M", "0.3G"),
    _classifying("L", "14.0M", "1.2G"),
)

ROWS = _SEQUENCES + _GATED + _DENSE
"""Every network whose figures a paper or its repository publishes."""
