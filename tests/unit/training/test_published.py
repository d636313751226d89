"""Published networks, measured: parameters and multiply-adds are those that torchvision publishes of them.

They are built without weights, on torch's meta device: whole, at their published size, and without computing.
"""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torchvision import models

from mlagent_tui.training.measuring import summarise

QUICK = {
    "alexnet": (224, 224), "vgg11_bn": (224, 224), "resnet18": (224, 224), "squeezenet1_1": (224, 224),
    "googlenet": (224, 224), "mobilenet_v3_small": (224, 224), "mnasnet0_5": (224, 224),
    "shufflenet_v2_x0_5": (224, 224), "convnext_tiny": (224, 224), "vit_b_32": (224, 224),
    "swin_t": (224, 224), "r3d_18": (16, 112, 112), "lraspp_mobilenet_v3_large": (520, 520),
}  # fmt: skip
SLOW = {
    "vgg11": (224, 224), "resnet50": (224, 224), "resnext50_32x4d": (224, 224),
    "wide_resnet50_2": (224, 224), "densenet121": (224, 224), "squeezenet1_0": (224, 224),
    "inception_v3": (299, 299), "mobilenet_v2": (224, 224), "mobilenet_v3_large": (224, 224),
    "mnasnet1_0": (224, 224), "shufflenet_v2_x1_0": (224, 224), "efficientnet_b0": (224, 224),
    "efficientnet_v2_s": (384, 384), "regnet_y_400mf": (224, 224), "regnet_x_400mf": (224, 224),
    "vit_b_16": (224, 224), "swin_v2_t": (256, 256), "maxvit_t": (224, 224), "mc3_18": (16, 112, 112),
    "r2plus1d_18": (16, 112, 112), "s3d": (16, 224, 224), "mvit_v1_b": (16, 224, 224),
    "swin3d_t": (16, 224, 224), "deeplabv3_mobilenet_v3_large": (520, 520), "fcn_resnet50": (520, 520),
}  # fmt: skip
SETTINGS: dict[str, dict[str, Any]] = {
    "googlenet": {"aux_logits": False, "transform_input": False, "init_weights": False},
    "inception_v3": {"transform_input": False, "init_weights": False},
    "lraspp_mobilenet_v3_large": {"weights_backbone": None},
    "deeplabv3_mobilenet_v3_large": {"weights_backbone": None, "aux_loss": True},
    "fcn_resnet50": {"weights_backbone": None, "aux_loss": True},
}


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_a_published_network_measures_as_published(name: str) -> None:
    published = next(iter(models.get_model_weights(name))).meta
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with torch.device("cpu" if name.startswith("regnet") else "meta"):
            model = models.get_model(name, weights=None, **SETTINGS.get(name, {})).to("meta")
        with torch.device("meta"):
            summary = summarise(model, "Net", (1, 3, *(QUICK | SLOW)[name]))
    assert summary.total_parameters == published["num_params"] == sum(r.parameters for r in summary.layers)
    assert summary.multiply_adds / 1e9 == pytest.approx(published["_ops"], abs=0.00051)
    assert summary.not_counted == []
