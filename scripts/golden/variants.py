"""Golden losses and gradients of all kinds of Transformers, token by token.

Usage: python scripts/golden/variants.py crates/model/tests/golden/variants
Needs torch, numpy and safetensors; prompts are those of scripts/golden/eval.py.

Written from the definition in docs/models.md, with matrices of attention and
autograd in float64, and tensors named as PyTorch names them.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn


@dataclass(frozen=True)
class Variant:
    name: str
    attention: str = "linear"
    mask: str = "values"
    heads: int = 1
    full: bool = False
    corner: str = "free"
    tied: bool = False
    hidden: int = 0
    depth: int = 3


VARIANTS = [
    Variant("softmax", attention="softmax"),
    Variant("softmax_scores", attention="softmax", mask="scores", heads=2),
    Variant("softmax_full", attention="softmax", full=True),
    Variant("relu", attention="relu"),
    Variant("relu_heads", attention="relu", heads=3, full=True, depth=2),
    Variant("heads", heads=2),
    Variant("full", full=True),
    Variant("full_fixed", full=True, corner="fixed", heads=2),
    Variant("tied", tied=True, depth=4),
    Variant("tied_full", tied=True, full=True, heads=2),
    Variant("nonlinear", full=True, hidden=4),
    Variant("nonlinear_softmax", attention="softmax", hidden=4, heads=2),
]


def spec(v):
    lines = [f"depth = {v.depth}", f'attention = "{v.attention}"', f"heads = {v.heads}"]
    if v.attention == "softmax":
        lines.append(f'mask = "{v.mask}"')
    if v.full:
        lines += ['parameterization = "full"', f'corner = "{v.corner}"']
    if v.tied:
        lines.append("tied = true")
    if v.hidden:
        lines += ['encoder = "mlp"', f"encoder_hidden = {v.hidden}"]
    return "\n".join(["[model]", *lines, ""])


def predict(v, params, mlp, z):
    """-[Z_L]_{d+1,n+1} [B] of prompts z [B, n+1, d+1]."""
    d, n = z.shape[2] - 1, z.shape[1] - 1
    if mlp is not None:
        z = torch.cat([mlp(z[:, :, :d]), z[:, :, d:]], dim=2)
    columns = z.transpose(1, 2)
    mask = torch.diag(torch.tensor([1.0] * n + [0.0], dtype=z.dtype))
    # The last axis of scores is the query's, the one before the key's.
    hidden = torch.tensor([0.0] * n + [-torch.inf], dtype=z.dtype)[:, None]
    for layer in range(v.depth):
        heads = params[0 if v.tied else layer]
        update = 0
        for p, q in heads if v.heads > 1 else [heads]:
            if not v.full:
                p = torch.block_diag(p, torch.ones(1, 1, dtype=z.dtype))
                q = torch.block_diag(q, torch.zeros(1, 1, dtype=z.dtype))
            scores = columns.transpose(1, 2) @ q @ columns
            if v.attention == "relu":
                scores = torch.relu(scores)
            if v.attention == "softmax":
                scores = torch.softmax(scores + hidden if v.mask == "scores" else scores, dim=1)
            update = update + p @ columns @ mask @ scores
        columns = columns + update / n
    return -columns[:, d, n]


def make(v, z, y):
    generator = torch.Generator().manual_seed(7)
    d = z.shape[2] - 1
    size = d + 1 if v.full else d
    heads = [v.heads] if v.heads > 1 else []
    shape = [1 if v.tied else v.depth, *heads, 2, size, size]
    params = 0.3 * torch.randn(shape, generator=generator, dtype=torch.float64)
    if v.full and v.corner == "fixed":
        params[..., 0, d, d] = 1.0
    params.requires_grad_()
    tensors = {"params": params}
    mlp = None
    if v.hidden:
        torch.manual_seed(3)
        mlp = nn.Sequential(nn.Linear(d, v.hidden), nn.ReLU(), nn.Linear(v.hidden, d)).double()
        tensors |= {f"mlp.{name}": value for name, value in mlp.named_parameters()}
    loss = (predict(v, params, mlp, z) - y).square().mean()
    loss.backward()
    grads = {name: value.grad for name, value in tensors.items()}
    if v.corner == "fixed":
        grads["params"][..., 0, d, d] = 0.0
    return loss.item(), {name: value.detach() for name, value in tensors.items()}, grads


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    with np.load(folder.parent / "eval" / "prompts.npz") as prompts:
        z, y = torch.tensor(prompts["Z"]), torch.tensor(prompts["y"])
    expected = {"made_with": f"torch {torch.__version__}", "variants": {}}
    for variant in VARIANTS:
        loss, tensors, grads = make(variant, z, y)
        (folder / f"{variant.name}.toml").write_text(spec(variant))
        save_file(tensors, folder / f"{variant.name}.safetensors")
        flat = {name: grad.flatten().tolist() for name, grad in grads.items()}
        expected["variants"][variant.name] = {"loss": loss, "grad": flat}
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
