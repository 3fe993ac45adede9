"""Golden traces of the optimizers beyond sgd, adam and adamw, and a table of where libraries disagree.

Usage: python scripts/golden/zoo.py crates/optim/tests/golden/zoo docs/optimizers.md
Needs torch 2.15, jax 0.10.2, optax 0.2.8, pytorch_optimizer 4.1.0 and prodigyopt 1.1.2.

gradients.json holds blocks, a starting point and one gradient per step; traces.json holds, for every
case, the parameters after the recorded steps. All is float64, printed with as many digits as it takes
to read back the same bits. The table of the page stands between its two marks.
"""

import json
import re
import sys
from importlib.metadata import version
from pathlib import Path

import jax
import numpy as np
import optax
import optax.contrib
import prodigyopt
import pytorch_optimizer
import torch

jax.config.update("jax_enable_x64", True)
# torch keeps NAdam's product of momenta in the default type, whatever that of the parameters.
torch.set_default_dtype(torch.float64)

STEPS = 50
RECORDED = [1, 2, 3, 10, 25, 50]
# Two matrices and a vector.
SHAPES = [(2, 3), (3, 3), (3,)]
# Decades over which the coordinates are spread.
SMALLEST = 1e-3
# Per step, cyclically.
LOUDNESS = [0.1, 1.0, 4.0, 0.3, 20.0]


def make_input():
    random = np.random.default_rng(20261127)
    dim = sum(int(np.prod(shape)) for shape in SHAPES)
    scales = np.geomspace(SMALLEST, 1.0, dim)[random.permutation(dim)]
    start = scales * random.standard_normal(dim)
    loudness = np.tile(LOUDNESS, STEPS // len(LOUDNESS))
    gradients = random.standard_normal((STEPS, dim)) * scales * loudness[:, None]
    gradients[:3, 4] = 0.0  # A parameter that is not reached at first.
    return start, gradients


def split(flat):
    ends = np.cumsum([int(np.prod(shape)) for shape in SHAPES])
    return [part.reshape(shape) for part, shape in zip(np.split(flat, ends[:-1]), SHAPES)]


def join(parts):
    return np.concatenate([np.asarray(part).ravel() for part in parts])


def by_torch(make):
    """The trace of a torch optimizer, made from its parameters."""

    def trace(start, gradients):
        params = [torch.tensor(part).requires_grad_() for part in split(start)]
        optimizer = make(params)
        for gradient in gradients:
            for param, part in zip(params, split(gradient)):
                param.grad = torch.tensor(part)
            optimizer.step()
            yield join([param.detach().numpy() for param in params])

    return trace


def by_optax(transformation):
    def trace(start, gradients):
        params = [jax.numpy.asarray(part) for part in split(start)]
        state = transformation.init(params)
        for gradient in gradients:
            parts = [jax.numpy.asarray(part) for part in split(gradient)]
            updates, state = transformation.update(parts, state, params)
            params = optax.apply_updates(params, updates)
            yield join(params)

    return trace


def decayed(scale, decay, lr):
    """Decoupled decay around a transformation of optax."""
    rate = optax.scale_by_learning_rate(lr)
    return by_optax(optax.chain(scale, optax.add_decayed_weights(decay), rate))


def normalized_sgd(lr, momentum, eps, weight_decay):
    """No library has it: Cutkosky & Mehta 2020, algorithm 1 with a constant rate."""

    def trace(params, gradients):
        mean = np.zeros_like(params)
        for gradient in gradients:
            mean = momentum * mean + (1 - momentum) * gradient
            length = np.sqrt(np.sum(mean**2))
            params = params - lr * (mean / (length + eps) + weight_decay * params)
            yield params

    return trace


def laprop(lr, betas, eps, weight_decay):
    """Ziyin et al. 2020, algorithm 1; pytorch_optimizer's adds 1e-15 inside the root."""

    def trace(params, gradients):
        mean, square = np.zeros_like(params), np.zeros_like(params)
        for t, gradient in enumerate(gradients, start=1):
            square = betas[1] * square + (1 - betas[1]) * gradient**2
            divided = gradient / (np.sqrt(square / (1 - betas[1] ** t)) + eps)
            mean = betas[0] * mean + (1 - betas[0]) * divided
            params = params - lr * (mean / (1 - betas[0] ** t) + weight_decay * params)
            yield params

    return trace


TORCH, OPTAX = f"torch {torch.__version__.split('+')[0]}", f"optax {optax.__version__}"
OTHER = f"pytorch_optimizer {version('pytorch_optimizer')}"
PRODIGY = f"prodigyopt {version('prodigyopt')}"
NUMPY = "NumPy, written from the paper"


def torch_case(name, kind, options):
    named = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    return name, TORCH, options, by_torch(lambda params: kind(params, foreach=False, **named))


def other_case(name, options, make):
    return name, OTHER, options, by_torch(make)


CASES = [
    ("normalized_sgd", NUMPY, {"lr": 0.01, "momentum": 0.0, "eps": 0.0}, normalized_sgd(0.01, 0.0, 0.0, 0.0)),
    ("normalized_sgd", NUMPY, {"lr": 0.01, "momentum": 0.9, "eps": 0.1, "weight_decay": 0.1}, normalized_sgd(0.01, 0.9, 0.1, 0.1)),
    ("signsgd", OPTAX, {"lr": 1e-3}, by_optax(optax.sign_sgd(1e-3))),
    ("signsgd", OPTAX, {"lr": 1e-3, "weight_decay": 0.1}, decayed(optax.scale_by_sign(), 0.1, 1e-3)),
    other_case("signum", {"lr": 1e-3, "momentum": 0.8}, lambda p: pytorch_optimizer.SignSGD(p, lr=1e-3, momentum=0.8)),
    torch_case("adagrad", torch.optim.Adagrad, {"lr": 0.02}),
    torch_case("adagrad", torch.optim.Adagrad, {"lr": 0.02, "lr_decay": 0.1, "initial_accumulator_value": 0.2, "eps": 1e-3, "weight_decay": 0.1}),
    torch_case("rmsprop", torch.optim.RMSprop, {"lr": 1e-3}),
    torch_case("rmsprop", torch.optim.RMSprop, {"lr": 1e-3, "alpha": 0.9, "eps": 1e-3, "momentum": 0.9, "weight_decay": 0.1}),
    torch_case("rmsprop", torch.optim.RMSprop, {"lr": 1e-3, "alpha": 0.9, "centered": True}),
    torch_case("adadelta", torch.optim.Adadelta, {"lr": 1.0}),
    torch_case("adadelta", torch.optim.Adadelta, {"lr": 0.3, "rho": 0.8, "eps": 1e-4, "weight_decay": 0.1}),
    torch_case("adamax", torch.optim.Adamax, {"lr": 2e-3}),
    torch_case("adamax", torch.optim.Adamax, {"lr": 2e-3, "betas": [0.8, 0.9], "eps": 1e-3, "weight_decay": 0.1}),
    torch_case("nadam", torch.optim.NAdam, {"lr": 2e-3}),
    torch_case("nadam", torch.optim.NAdam, {"lr": 2e-3, "betas": [0.8, 0.9], "eps": 1e-3, "momentum_decay": 0.1, "weight_decay": 0.1}),
    torch_case("radam", torch.optim.RAdam, {"lr": 1e-3}),
    torch_case("radam", torch.optim.RAdam, {"lr": 1e-3, "betas": [0.8, 0.9], "eps": 1e-3, "weight_decay": 0.1}),
    ("adabelief", OPTAX, {"lr": 1e-3}, by_optax(optax.adabelief(1e-3))),
    ("adabelief", OPTAX, {"lr": 1e-3, "betas": [0.8, 0.9], "eps": 1e-3, "weight_decay": 0.1}, decayed(optax.scale_by_belief(0.8, 0.9, 1e-3, 1e-3), 0.1, 1e-3)),
    ("laprop", NUMPY, {"lr": 1e-3}, laprop(1e-3, (0.9, 0.999), 1e-15, 0.0)),
    ("laprop", NUMPY, {"lr": 1e-3, "betas": [0.8, 0.9], "eps": 1e-3, "weight_decay": 0.1}, laprop(1e-3, (0.8, 0.9), 1e-3, 0.1)),
    other_case("adan", {"lr": 1e-3}, lambda p: pytorch_optimizer.Adan(p, lr=1e-3)),
    other_case("adan", {"lr": 1e-3, "betas": [0.9, 0.8], "beta3": 0.95, "eps": 1e-3}, lambda p: pytorch_optimizer.Adan(p, lr=1e-3, betas=(0.9, 0.8, 0.95), eps=1e-3)),
    ("lion", OPTAX, {"lr": 1e-4}, by_optax(optax.lion(1e-4, weight_decay=0.0))),
    ("lion", OPTAX, {"lr": 1e-3, "betas": [0.8, 0.9], "weight_decay": 0.1}, by_optax(optax.lion(1e-3, 0.8, 0.9, weight_decay=0.1))),
    ("lamb", OPTAX, {"lr": 1e-3}, by_optax(optax.lamb(1e-3))),
    ("lamb", OPTAX, {"lr": 1e-2, "betas": [0.8, 0.9], "eps": 1e-3, "weight_decay": 0.1}, by_optax(optax.lamb(1e-2, 0.8, 0.9, 1e-3, weight_decay=0.1))),
    ("adopt", OPTAX, {"lr": 1e-3}, by_optax(optax.contrib.adopt(1e-3))),
    ("adopt", OPTAX, {"lr": 1e-3, "betas": [0.8, 0.9], "eps": 1e-3, "clip": False, "weight_decay": 0.1}, decayed(optax.contrib.scale_by_adopt(0.8, 0.9, 1e-3, use_clipping=False), 0.1, 1e-3)),
    ("ademamix", OPTAX, {"lr": 1e-3}, by_optax(optax.contrib.ademamix(1e-3))),
    ("ademamix", OPTAX, {"lr": 1e-3, "betas": [0.8, 0.9], "beta3": 0.95, "alpha": 2.0, "eps": 1e-3, "weight_decay": 0.1}, by_optax(optax.contrib.ademamix(1e-3, 0.8, 0.9, 0.95, 2.0, eps=1e-3, weight_decay=0.1))),
]

def by_other(kind, **options):
    return by_torch(lambda params: kind(params, lr=1e-3, **options))


def mars(lr, betas, gamma, eps, weight_decay):
    """Yuan et al. 2024; pytorch_optimizer's adds 1e-15 inside the root."""

    def trace(start, gradients):
        params = split(start)
        last, mean, square = ([np.zeros_like(part) for part in params] for _ in range(3))
        for t, gradient in enumerate(gradients, start=1):
            for k, part in enumerate(split(gradient)):
                corrected = part + gamma * betas[0] / (1 - betas[0]) * (part - last[k])
                corrected = corrected / max(1.0, np.linalg.norm(corrected))
                last[k] = part
                mean[k] = betas[0] * mean[k] + (1 - betas[0]) * corrected
                square[k] = betas[1] * square[k] + (1 - betas[1]) * corrected**2
                root = np.sqrt(square[k] / (1 - betas[1] ** t)) + eps
                update = mean[k] / (1 - betas[0] ** t) / root
                params[k] = params[k] - lr * (update + weight_decay * params[k])
            yield join(params)

    return trace


CASES += [
    ("mars", NUMPY, {"lr": 3e-3}, mars(3e-3, (0.95, 0.99), 0.025, 1e-8, 0.0)),
    ("mars", NUMPY, {"lr": 3e-3, "betas": [0.9, 0.95], "gamma": 0.2, "eps": 1e-3, "weight_decay": 0.1}, mars(3e-3, (0.9, 0.95), 0.2, 1e-3, 0.1)),
    torch_case("adafactor", torch.optim.Adafactor, {"lr": 0.1}),
    (
        "adafactor", TORCH, {"lr": 0.5, "beta2_decay": -0.5, "eps2": 0.1, "d": 2.0, "weight_decay": 0.1},
        by_torch(lambda p: torch.optim.Adafactor(p, lr=0.5, beta2_decay=-0.5, eps=(None, 0.1), d=2.0, weight_decay=0.1, foreach=False)),
    ),
    ("dog", OPTAX, {"lr": 1.0}, by_optax(optax.contrib.dog())),
    ("dog", OPTAX, {"lr": 0.5, "first_distance": 0.1, "eps": 0.1, "weight_decay": 0.1}, by_optax(optax.contrib.dog(0.5, ("heuristic", 0.1), 0.1, 0.1))),
    ("prodigy", PRODIGY, {"lr": 1.0}, by_torch(lambda p: prodigyopt.Prodigy(p))),
    (
        "prodigy", PRODIGY, {"lr": 0.5, "betas": [0.8, 0.9], "eps": 1e-3, "d0": 1e-2, "use_bias_correction": True, "weight_decay": 0.1},
        by_torch(lambda p: prodigyopt.Prodigy(p, lr=0.5, betas=(0.8, 0.9), eps=1e-3, d0=1e-2, use_bias_correction=True, weight_decay=0.1)),
    ),
]


# torch's matrices have outputs as rows.
def outputs_are_rows(params):
    matrix = optax.contrib.MuonDimensionNumbers(reduction_axis=1, output_axis=0)
    return jax.tree.map(lambda x: matrix if x.ndim == 2 else None, params)


def muon(lr, momentum, coefficients, steps, eps, rms, betas, weight_decay):
    """Jordan et al. 2024 with Nesterov; Adam for the vector. `coefficients(step)`, or None for U Vᵀ."""

    def orthogonalize(matrix):
        if coefficients is None:
            u, _, v = np.linalg.svd(matrix, full_matrices=False)
            return u @ v
        matrix = matrix / (np.linalg.norm(matrix) + eps)
        for step in range(steps):
            a, b, c = coefficients(step)
            gram = matrix @ matrix.T
            matrix = a * matrix + (b * gram + c * gram @ gram) @ matrix
        return matrix

    def trace(start, gradients):
        params = split(start)
        means = [np.zeros_like(part) for part in params]
        square = np.zeros_like(params[-1])
        for t, gradient in enumerate(gradients, start=1):
            for k, part in enumerate(split(gradient)):
                if part.ndim == 2:
                    means[k] = momentum * means[k] + (1 - momentum) * part
                    update = orthogonalize(momentum * means[k] + (1 - momentum) * part)
                    rows, columns = part.shape
                    update *= 0.2 * max(rows, columns) ** 0.5 if rms else max(1, rows / columns) ** 0.5
                else:
                    means[k] = betas[0] * means[k] + (1 - betas[0]) * part
                    square = betas[1] * square + (1 - betas[1]) * part**2
                    root = np.sqrt(square / (1 - betas[1] ** t))
                    update = means[k] / (1 - betas[0] ** t) / (root + 1e-8)
                params[k] = params[k] - lr * (update + weight_decay * params[k])
            yield join(params)

    return trace


JORDAN = (3.4445, -4.7750, 2.0315)
# The first five of Amsel et al. 2025, algorithm 1, with their margin.
AMSEL = [
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
    (3.3184196573706015, -2.488488024314874, 0.51004894012372),
    (2.300652019954817, -1.6689039845747493, 0.4188073119525673),
]
AMSEL = [(a / 1.01, b / 1.01**3, c / 1.01**5) for a, b, c in AMSEL]

CASES += [
    (
        "muon", OPTAX, {"lr": 0.02, "nesterov": False, "eps": 0.0, "adam_eps": 0.0, "momentum": 0.9, "ns_steps": 4},
        by_optax(optax.contrib.muon(0.02, beta=0.9, nesterov=False, eps=0.0, ns_steps=4, muon_weight_dimension_numbers=outputs_are_rows)),
    ),
    (
        "muon", OPTAX, {"lr": 0.02, "nesterov": False, "eps": 0.0, "adam_eps": 0.0, "scale": "rms", "betas": [0.8, 0.9]},
        by_optax(optax.contrib.muon(0.02, nesterov=False, eps=0.0, consistent_rms=0.2, adam_b1=0.8, adam_b2=0.9, muon_weight_dimension_numbers=outputs_are_rows)),
    ),
    ("muon", NUMPY, {"lr": 0.02}, muon(0.02, 0.95, lambda _: JORDAN, 5, 1e-7, False, (0.9, 0.999), 0.0)),
    (
        "muon", NUMPY, {"lr": 0.02, "orthogonalization": "polar_express", "eps": 1e-3, "weight_decay": 0.1, "scale": "rms"},
        muon(0.02, 0.95, AMSEL.__getitem__, 5, 1e-3, True, (0.9, 0.999), 0.1),
    ),
    (
        "muon", NUMPY, {"lr": 0.02, "orthogonalization": "polar", "momentum": 0.5},
        muon(0.02, 0.5, None, 0, 0.0, False, (0.9, 0.999), 0.0),
    ),
]

# The same named settings in two libraries, why the parameters end apart (found by reading both), and,
# where an option removes that cause, both with it.
PAIRS = [
    ("adam", by_other(torch.optim.Adam), TORCH, by_optax(optax.adam(1e-3)), OPTAX, "", None),
    (
        "amsgrad", by_other(torch.optim.Adam, amsgrad=True), TORCH, by_optax(optax.amsgrad(1e-3)), OPTAX,
        "torch takes the maximum of v before its bias correction, optax after it", None,
    ),
    (
        "nadam", by_other(torch.optim.NAdam), TORCH, by_optax(optax.nadam(1e-3)), OPTAX,
        "torch has Dozat's schedule of β₁, which begins near β₁/2; optax has none and corrects by 1 − β₁^(t+1)", None,
    ),
    (
        "radam", by_other(pytorch_optimizer.RAdam), OTHER, by_optax(optax.radam(1e-3)), OPTAX,
        "pytorch_optimizer does not move while ρ ≤ 5, optax moves along the mean",
        (by_other(pytorch_optimizer.RAdam, degenerated_to_sgd=True), by_optax(optax.radam(1e-3))),
    ),
    (
        "rmsprop", by_other(torch.optim.RMSprop, alpha=0.9), TORCH, by_optax(optax.rmsprop(1e-3, 0.9)), OPTAX,
        "torch adds ε to the root, optax inside it",
        (by_other(torch.optim.RMSprop, alpha=0.9), by_optax(optax.rmsprop(1e-3, 0.9, eps_in_sqrt=False))),
    ),
    (
        "adagrad", by_other(torch.optim.Adagrad), TORCH, by_optax(optax.adagrad(1e-3)), OPTAX,
        "the sum begins at 0 in torch, at 0.1 in optax (and ε stands inside its root)",
        (by_other(torch.optim.Adagrad, initial_accumulator_value=0.1), by_optax(optax.adagrad(1e-3))),
    ),
    (
        "lamb", by_other(pytorch_optimizer.Lamb), OTHER, by_optax(optax.lamb(1e-3)), OPTAX,
        "pytorch_optimizer divides by 1 − β₁^t after the trust ratio, which makes the first steps longer; optax before it, where it cancels (and ε is corrected in optax alone)",
        (by_other(pytorch_optimizer.Lamb, adam_debias=True, eps=1e-12), by_optax(optax.lamb(1e-3, eps=1e-12))),
    ),
    (
        "adan", by_other(pytorch_optimizer.Adan), OTHER, by_optax(optax.adan(1e-3)), OPTAX,
        "the factor of the difference is β₂ = 0.92 in pytorch_optimizer, as in the authors' code, and 1 − β₂ = 0.08 in optax", None,
    ),
    (
        "adopt", by_other(pytorch_optimizer.ADOPT), OTHER, by_optax(optax.contrib.adopt(1e-3)), OPTAX,
        "step t is clipped to t^¼ in pytorch_optimizer, to (t − 1)^¼ in optax",
        (by_other(pytorch_optimizer.ADOPT, clip_lambda=lambda step: (step - 1) ** 0.25), by_optax(optax.contrib.adopt(1e-3))),
    ),
    (
        "laprop", by_other(pytorch_optimizer.LaProp, betas=(0.9, 0.999)), OTHER, laprop(1e-3, (0.9, 0.999), 1e-15, 0.0), NUMPY,
        "10⁻¹⁵ inside pytorch_optimizer's root", None,
    ),
    (
        "muon", muon(1e-3, 0.95, lambda _: JORDAN, 5, 1e-8, False, (0.9, 0.999), 0.0), NUMPY,
        by_optax(optax.contrib.muon(1e-3, muon_weight_dimension_numbers=outputs_are_rows)), OPTAX,
        "optax corrects the bias of the mean, which Nesterov's sum sees: m/(1 − μ^(t+1)) and g/(1 − μ^t)", None,
    ),
    (
        "muon", muon(1e-3, 0.95, lambda _: JORDAN, 5, 1e-8, False, (0.9, 0.999), 0.0), NUMPY,
        muon(1e-3, 0.95, None, 0, 0.0, False, (0.9, 0.999), 0.0), "NumPy, U Vᵀ by singular values",
        "five steps of Newton-Schulz leave singular values between 0.7 and 1.2", None,
    ),
    (
        "prodigy", by_torch(lambda p: prodigyopt.Prodigy(p, d0=1e-3)), PRODIGY, by_optax(optax.contrib.prodigy(estim_lr0=1e-3)), OPTAX,
        "optax always has Adam's bias corrections in the rate, prodigyopt on demand",
        (by_torch(lambda p: prodigyopt.Prodigy(p, d0=1e-3, use_bias_correction=True)), by_optax(optax.contrib.prodigy(estim_lr0=1e-3))),
    ),
    (
        "mars", by_other(pytorch_optimizer.MARS, optimize_1d=True), OTHER, mars(1e-3, (0.95, 0.99), 0.025, 1e-8, 0.0), NUMPY,
        "10⁻¹⁵ inside pytorch_optimizer's root", None,
    ),
    (
        "adafactor", by_other(torch.optim.Adafactor), TORCH, by_other(pytorch_optimizer.AdaFactor), OTHER,
        "pytorch_optimizer replaces the given rate by min(10⁻², 1/√t) unless relative_step=False, and has a momentum of 0.9",
        (by_other(torch.optim.Adafactor), by_other(pytorch_optimizer.AdaFactor, betas=(None, 0.999), relative_step=False)),
    ),
    ("ademamix", by_other(pytorch_optimizer.AdEMAMix, betas=(0.9, 0.999, 0.9999), weight_decay=0.0), OTHER, by_optax(optax.contrib.ademamix(1e-3)), OPTAX, "", None),
    ("adabelief", by_other(pytorch_optimizer.AdaBelief, eps=1e-16), OTHER, by_optax(optax.adabelief(1e-3)), OPTAX, "", None),
    ("lion", by_other(pytorch_optimizer.Lion, betas=(0.9, 0.99), weight_decay=0.0), OTHER, by_optax(optax.lion(1e-3, weight_decay=0.0)), OPTAX, "", None),
]


def distance(a, b, start):
    """Relative to the larger of the two ways."""
    return np.linalg.norm(a - b) / max(np.linalg.norm(a - start), np.linalg.norm(b - start))


def table(start, gradients):
    lines = ["| optimizer | libraries | apart after 50 steps | without the cause | cause |", "|---|---|---|---|---|"]
    for name, one, first, two, second, cause, mended in PAIRS:
        cells = []
        for pair in ((one, two), mended):
            if pair is None:
                cells.append("")
                continue
            apart = distance(*(list(trace(start, gradients))[-1] for trace in pair), start)
            cells.append(f"{apart:.0e}" if apart < 1e-3 else f"**{100 * apart:.2g} %**")
        lines.append(f"| {name} | {first}, {second} | {cells[0]} | {cells[1]} | {cause} |")
    return "\n".join(lines)


def write(path, value):
    text = json.dumps(value, indent=1)
    one_line_per_list = re.sub(r"\[[^][{}]*\]", lambda match: " ".join(match[0].split()), text)
    path.write_text(one_line_per_list + "\n")


def main(folder, page):
    folder.mkdir(parents=True, exist_ok=True)
    start, gradients = make_input()
    cases = []
    for name, library, options, trace in CASES:
        path = list(trace(start, gradients))
        params = [path[step - 1].tolist() for step in RECORDED]
        cases.append({"optimizer": name, "library": library, "options": options, "params": params})
    shapes = [list(shape) for shape in SHAPES]
    write(folder / "gradients.json", {"shapes": shapes, "start": start.tolist(), "gradients": gradients.tolist()})
    write(folder / "traces.json", {"steps": RECORDED, "cases": cases})
    begin, end = "<!-- disagreements: scripts/golden/zoo.py -->\n", "\n<!-- end of disagreements -->"
    text = page.read_text()
    head, rest = text.split(begin)
    _, tail = rest.split(end)
    page.write_text(head + begin + table(start, gradients) + end + tail)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
