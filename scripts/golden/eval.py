"""Golden losses and gradients of the linear Transformer, token by token.

Usage: python scripts/golden/eval.py crates/model/tests/golden/eval
Needs torch, numpy and safetensors.

The reference forms every (n+1)x(n+1) attention matrix and differentiates by
autograd, in float64, so it shares nothing with the d x d recurrences that it
checks. Two cases: files without suffix are stored in float64; files with suffix
32 are stored in float32, and the expected values are those of the stored bits.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file


@dataclass(frozen=True)
class Case:
    suffix: str
    dtype: torch.dtype
    batch_size: int
    context_len: int
    dim: int
    depth: int
    seed: int


# Batch sizes that no register width divides. Random layers blow some prompts up:
# the seeds are ones whose loss is of order 1 and not that of a single prompt.
CASES = [
    Case("", torch.float64, batch_size=7, context_len=6, dim=3, depth=4, seed=167),
    Case("32", torch.float32, batch_size=33, context_len=20, dim=5, depth=3, seed=46),
]


def make_prompts(case, generator):
    """Z [B, n+1, d+1], one token (x_i, y_i) per row, the query last with label 0; y [B]."""
    shape = (case.batch_size, case.context_len + 1, case.dim)
    x = torch.randn(shape, generator=generator, dtype=torch.float64).to(case.dtype)
    w_star = torch.randn(shape[0], shape[2], generator=generator, dtype=torch.float64)
    labels = torch.einsum("bnd,bd->bn", x.double(), w_star).to(case.dtype)
    z = torch.cat([x, labels[:, :, None]], dim=2)
    z[:, -1, -1] = 0.0
    return z, labels[:, -1].clone()


def predict(z, params):
    """-[Z_L]_{d+1,n+1} [B], with Z <- Z + (1/n) Pf Z M (Z^T Qf Z) per layer."""
    dim, context_len = z.shape[2] - 1, z.shape[1] - 1
    mask = torch.ones(context_len + 1, dtype=torch.float64)
    mask[-1] = 0.0
    columns = z.transpose(1, 2)
    for p, q in params:
        full_p = torch.block_diag(p, torch.ones(1, 1, dtype=torch.float64))
        full_q = torch.block_diag(q, torch.zeros(1, 1, dtype=torch.float64))
        attention = columns.transpose(1, 2) @ full_q @ columns
        columns = columns + full_p @ columns @ torch.diag(mask) @ attention / context_len
    return -columns[:, dim, context_len]


def evaluate(z, y, params):
    """The mean squared error over prompts and its gradient."""
    params = params.double().requires_grad_()
    squares = (predict(z.double(), params) - y.double()) ** 2
    assert squares.max() < squares.sum() / 2, "a single prompt would hide the others"
    loss = squares.mean()
    loss.backward()
    return loss.item(), params.grad


def write(case, folder):
    generator = torch.Generator().manual_seed(case.seed)
    z, y = make_prompts(case, generator)
    shape = (case.depth, 2, case.dim, case.dim)
    params = (0.3 * torch.randn(shape, generator=generator, dtype=torch.float64)).to(case.dtype)
    loss, grad = evaluate(z, y, params)
    assert (grad[-1, 0] == 0.0).all(), "the last P has no effect on the prediction"
    assert (grad[:-1] != 0.0).all() and (grad[-1, 1] != 0.0).all()

    np.savez(folder / f"prompts{case.suffix}.npz", Z=z.numpy(), y=y.numpy())
    save_file({"params": params}, folder / f"params{case.suffix}.safetensors")
    expected = {
        "made_with": f"torch {torch.__version__}",
        "loss": loss,
        "grad_norm": grad.norm().item(),
        "grad": grad.flatten().tolist(),
    }
    path = folder / f"expected{case.suffix}.json"
    path.write_text(json.dumps(expected, indent=1) + "\n")


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for case in CASES:
        write(case, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
