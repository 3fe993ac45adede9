"""Golden traces of torch.optim for crates/optim/tests/optim_golden.rs.

Usage: python scripts/golden/optim.py crates/optim/tests/golden/optim
Needs torch.

gradients.json holds the starting point and one gradient per step; traces.json
holds, for every case, the parameters after the recorded steps. Everything is
float64 and printed with as many digits as it takes to read back the same bits.
"""

import json
import re
import sys
from pathlib import Path

import torch

STEPS = 50
RECORDED = [1, 2, 3, 10, 25, 50]
# Decades per coordinate: the smallest are below Adam's eps, so that its
# position shows; the start has the scale of its gradient, so that a relative
# comparison sees every coordinate.
SCALES = [1e-10, 1e-8, 1e-7, 1e-5, 1e-3, 1e-1, 1.0]
# Per step, cyclically: norms on both sides of the clipping threshold 1.
LOUDNESS = [0.1, 1.0, 4.0, 0.3, 20.0]

CASES = [
    ("sgd", {"lr": 0.1}, None),
    ("sgd", {"lr": 0.1}, 1.0),
    ("sgd", {"lr": 0.1, "weight_decay": 0.05}, None),
    ("sgd", {"lr": 0.1, "dampening": 0.5}, None),
    ("sgd", {"lr": 0.1, "momentum": 0.9}, None),
    ("sgd", {"lr": 0.1, "momentum": 0.9}, 1.0),
    ("sgd", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}, None),
    ("sgd", {"lr": 0.1, "momentum": 0.9, "nesterov": True}, None),
    ("sgd", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.05}, 1.0),
    ("sgd", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.05}, 1.0),
    ("adam", {}, None),
    ("adam", {}, 1.0),
    ("adam", {"betas": [0.9, 0.9]}, None),
    ("adam", {"betas": [0.0, 0.9]}, None),
    ("adam", {"lr": 0.01, "weight_decay": 0.1}, None),
    ("adam", {"lr": 0.01, "weight_decay": 0.1}, 1.0),
    ("adam", {"betas": [0.9, 0.9], "amsgrad": True}, None),
    ("adam", {"lr": 0.01, "eps": 0.01}, None),
    ("adamw", {}, None),
    ("adamw", {"lr": 0.01, "weight_decay": 0.1}, None),
    ("adamw", {"lr": 0.01, "weight_decay": 0.1}, 1.0),
    ("adamw", {"lr": 0.01, "betas": [0.9, 0.9], "amsgrad": True}, None),
]

OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


def make_input():
    generator = torch.Generator().manual_seed(20240607)
    scales = torch.tensor(SCALES, dtype=torch.float64)
    start = scales * torch.randn(len(SCALES), generator=generator, dtype=torch.float64)
    loudness = torch.tensor(LOUDNESS, dtype=torch.float64).repeat(STEPS // len(LOUDNESS))
    noise = torch.randn(STEPS, len(SCALES), generator=generator, dtype=torch.float64)
    gradients = noise * scales * loudness[:, None]
    gradients[:3, 3] = 0.0  # a parameter that is not reached at first
    return start, gradients


def trace(name, options, clip_norm, start, gradients):
    params = start.clone().requires_grad_()
    optimizer = OPTIMIZERS[name]([params], foreach=False, **options)
    recorded = []
    for step, gradient in enumerate(gradients, start=1):
        params.grad = gradient.clone()
        if clip_norm is not None:
            torch.nn.utils.clip_grad_norm_([params], clip_norm)
        optimizer.step()
        if step in RECORDED:
            recorded.append(params.detach().tolist())
    return recorded


def write(path, value):
    text = json.dumps(value, indent=1)
    one_line_per_list = re.sub(r"\[[^][{}]*\]", lambda match: " ".join(match[0].split()), text)
    path.write_text(one_line_per_list + "\n")


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    start, gradients = make_input()
    loud = int((gradients.norm(dim=1) > 1.0).sum())
    assert 10 <= loud <= 40, "both sides of the clipping threshold"
    made_with = f"torch {torch.__version__}"
    cases = [
        {
            "optimizer": name,
            "options": options,
            "clip_norm": clip_norm,
            "params": trace(name, options, clip_norm, start, gradients),
        }
        for name, options, clip_norm in CASES
    ]
    given = {"start": start.tolist(), "gradients": gradients.tolist()}
    write(folder / "gradients.json", {"made_with": made_with, **given})
    write(folder / "traces.json", {"made_with": made_with, "steps": RECORDED, "cases": cases})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
