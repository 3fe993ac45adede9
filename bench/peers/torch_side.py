"""The PyTorch side of the benchmark: eager, on the CPU."""

import protocol

threads = protocol.use_cores()

import torch
from torch.nn.utils import clip_grad_norm_

torch.set_num_threads(threads)

# Prompts per piece of the Hessian: small enough for the cache, large enough to hide eager's overhead.
HESSIAN_PROMPTS = 250


def squared_errors(params, z, targets, attention="linear"):
    """(y_q + target)² of each prompt. Shapes: params [L, 2, d, d], z [B, n+1, d+1], targets [B].

    Softmax runs over all n+1 keys, then the query's value is dropped. Each layer is Z ← Z + (1/n) P Z M (Zᵀ Q Z) with a token per row, where P = [P 0; 0 1] and
    Q = [Q 0; 0 0], so Q sees the covariates only. Keys and values are the context: that is M.
    """
    n, d = z.shape[1] - 1, z.shape[2] - 1
    for p, q in params:
        x, context = z[..., :d], z[:, :n]
        keys = x if attention == "softmax" else context[..., :d]
        weights = x @ q.T @ keys.mT  # [query, key] = x_keyᵀ Q x_query
        if attention == "relu":
            weights = torch.relu(weights)
        if attention == "softmax":
            weights = torch.softmax(weights, dim=-1)[..., :n]
        values = torch.cat([context[..., :d] @ p.T, context[..., d:]], dim=-1)
        z = z + weights @ values / n
    return (z[:, n, d] + targets).square()


def squared_errors_as_written(params, z, targets):
    """The same by the letter of the paper: matrices of d+1 rows, a mask, attention of all tokens."""
    n, d = z.shape[1] - 1, z.shape[2] - 1
    mask = torch.ones(n + 1, dtype=z.dtype)
    mask[n] = 0
    corner = torch.zeros(d + 1, d + 1, dtype=z.dtype)
    corner[d, d] = 1
    for p, q in params:
        p_full = torch.nn.functional.pad(p, (0, 1, 0, 1)) + corner
        q_full = torch.nn.functional.pad(q, (0, 1, 0, 1))
        attention = torch.einsum("bni,ij,bmj->bnm", z, q_full.T, z) * mask
        z = z + torch.einsum("bnm,bmj,ij->bni", attention, z, p_full) / n
    return (z[:, n, d] + targets).square()


FORMS = {"tokens": squared_errors, "as_written": squared_errors_as_written}


def draw_covariates(law, shape, dtype, generator):
    normal = torch.randn(shape, dtype=dtype, generator=generator)
    if law == "gaussian":
        return normal
    direction = torch.nn.functional.normalize(normal, dim=-1)
    if law == "sphere":
        return direction
    # torch.distributions.Gamma ends in this call too, but takes no generator.
    gamma_shape = torch.full((*shape[:-1], 1), protocol.GAMMA_SHAPE, dtype=dtype)
    squared_radius = protocol.GAMMA_SCALE * torch._standard_gamma(gamma_shape, generator=generator)
    return squared_radius.sqrt() * direction


def draw_prompts(work, dtype, generator):
    """Tokens z [B, n+1, d+1], the query last with its label hidden, and targets [B]."""
    x = draw_covariates(work.law, (work.batch, work.context_len + 1, work.dim), dtype, generator)
    w_star = torch.randn(work.batch, work.dim, 1, dtype=dtype, generator=generator)
    z = torch.cat([x, x @ w_star], dim=-1)
    targets = z[:, -1, -1].clone()
    z[:, -1, -1] = 0
    return z, targets


def hessian(errors, params, z, targets):
    """Dense Hessian of the mean loss, [L, 2, d, d, L, 2, d, d]: a row per backward pass."""
    total = sum(
        torch.autograd.functional.hessian(lambda p: errors(p, *prompts).sum(), params)
        for prompts in zip(z.split(HESSIAN_PROMPTS), targets.split(HESSIAN_PROMPTS))
    )
    return total / len(targets)


def check(problem):
    d, n, depth = problem["dim"], problem["context_len"], problem["depth"]
    params = torch.tensor(problem["params"], dtype=torch.float64).view(depth, 2, d, d).requires_grad_()
    z = torch.tensor(problem["z"], dtype=torch.float64).view(-1, n + 1, d + 1)
    targets = torch.tensor(problem["targets"], dtype=torch.float64)
    answers = {}
    for form, errors in FORMS.items():
        loss = errors(params, z, targets).mean()
        (grad,) = torch.autograd.grad(loss, params)
        answers[form] = {
            "loss": loss.item(),
            "grad": grad.flatten().tolist(),
            "hessian": hessian(errors, params, z, targets).flatten().tolist(),
        }
    return answers


def prepare(work):
    """The workload as a function of the number of calls."""
    errors = FORMS[work.form]
    if work.attention != "linear":
        errors = lambda params, z, targets: squared_errors(params, z, targets, work.attention)
    generator = torch.Generator().manual_seed(protocol.SEED)
    dtype = torch.float64 if work.case == "hessian" else torch.float32
    params = torch.empty(work.depth, 2, work.dim, work.dim, dtype=dtype)
    params.normal_(std=protocol.INIT_STD, generator=generator).requires_grad_()
    if work.case == "step":
        call = training_step(errors, params, work, generator)
    else:
        z, targets = draw_prompts(work, dtype, generator)
        if work.case == "gradient":
            call = lambda: torch.autograd.grad(errors(params, z, targets).mean(), params)
        else:
            call = lambda: hessian(errors, params, z, targets)

    def run(calls):
        for _ in range(calls):
            call()

    return run


def training_step(errors, params, work, generator):
    optimizer = torch.optim.AdamW(
        [params],
        lr=protocol.LR,
        betas=(protocol.BETA1, protocol.BETA2),
        eps=protocol.EPS,
        weight_decay=0,
    )

    def step():
        z, targets = draw_prompts(work, torch.float32, generator)
        optimizer.zero_grad()
        errors(params, z, targets).mean().backward()
        clip_grad_norm_(params, protocol.CLIP_NORM)
        optimizer.step()

    return step


if __name__ == "__main__":
    protocol.serve("PyTorch", torch.__version__.split("+")[0], list(FORMS), check, prepare)
