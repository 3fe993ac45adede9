"""The JAX side of the benchmark: jitted, on the CPU.

Prompts lie along the last axis: XLA then turns the many tiny matrix products of a layer into loops
over contiguous prompts, faster than the same lines under `vmap` (form "gram_vmap").
"""

import os

import protocol

os.environ["JAX_PLATFORMS"] = "cpu"
if protocol.use_cores() == 1:
    flags = os.environ.get("XLA_FLAGS", "")  # The instruction set may be set here.
    os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false"

import jax
import jax.numpy as jnp

# For the checks and the Hessian; every array of the training step is explicitly float32.
jax.config.update("jax_enable_x64", True)


def attend(params, z):
    """y_q after the last layer, [B], from tokens z [n+1, d+1, B] and params [L, 2, d, d].

    Each layer is Z ← Z + (1/n) P Z M (Zᵀ Q Z), where P = [P 0; 0 1] and Q = [Q 0; 0 0], so Q sees
    the covariates only. Keys and values are the context: that is M.
    """
    n, d = z.shape[0] - 1, z.shape[1] - 1
    x, y = z[:, :d], z[:, d]
    for p, q in params:
        keys, labels = x[:n], y[:n]
        attention = jnp.einsum("mib,ij,njb->nmb", keys, q, x) / n
        x = x + jnp.einsum("nmb,mjb,ij->nib", attention, keys, p)
        y = y + jnp.einsum("nmb,mb->nb", attention, labels)
    return y[n]


def recur(params, gram):
    """y_q after the last layer, [B], from S [d, d, B], s [d, B] and the query x [d, B].

    Every token moves by the same map A = I + P S Q, so the layers need only the moments
    S = XᵀX / n and s = Xᵀy / n of the context, and the last one only y.
    """
    S, s, x = gram
    identity = jnp.eye(len(x), dtype=x.dtype)[..., None]
    y = 0
    for layer, (p, q) in enumerate(params, start=1):
        b = q.T @ s
        y = y + (b * x).sum(axis=0)
        if layer < len(params):
            A = identity + jnp.einsum("ij,jkb,kl->ilb", p, S, q)
            s = jnp.einsum("ijb,jb->ib", A, s + jnp.einsum("ijb,jb->ib", S, b))
            S = jnp.einsum("ijb,jkb,lkb->ilb", A, S, A)
            x = jnp.einsum("ijb,jb->ib", A, x)
    return y


def recur_vmapped(params, gram):
    """`recur` as it is first written: for one prompt, with `vmap` around it."""

    def recur_one(S, s, x):
        y = 0
        for layer, (p, q) in enumerate(params, start=1):
            b = q.T @ s
            y = y + b @ x
            if layer < len(params):
                A = jnp.eye(len(x), dtype=x.dtype) + p @ S @ q
                s = A @ (s + S @ b)
                S = A @ S @ A.T
                x = A @ x
        return y

    return jax.vmap(recur_one, in_axes=-1)(*gram)


def gram_of(z):
    """S, s and the query, as `recur` takes them, from tokens z [n+1, d+1, B]."""
    n, d = z.shape[0] - 1, z.shape[1] - 1
    z = jax.lax.optimization_barrier(z)  # Or XLA draws a fresh batch anew for each of its uses.
    moments = jnp.einsum("nib,njb->ijb", z[:n, :d], z[:n]) / n
    return moments[:, :d], moments[:, d], z[n, :d]


# Per form: the forward pass, what it reads of the tokens, and the prompts per piece of the Hessian:
# the 2Ld² tangents of every intermediate should stay in the cache, so few are best.
FORMS = {
    "tokens": (attend, lambda z: z, 1),
    "gram": (recur, gram_of, 5),
    "gram_vmap": (recur_vmapped, gram_of, 100),
}


def loss(forward, params, prompts, targets):
    return jnp.mean((forward(params, prompts) + targets) ** 2)


def hessian(forward, params, prompts, targets, piece):
    """Dense Hessian of the mean loss, forward over reverse, summed over pieces of the batch."""
    batch = len(targets)
    padding = -batch % piece

    def split(array):
        # A prompt of zeros adds nothing to the sum, so it may fill the last piece.
        padded = jnp.pad(array, [(0, 0)] * (array.ndim - 1) + [(0, padding)])
        return jnp.moveaxis(padded.reshape(*array.shape[:-1], -1, piece), -2, 0)

    def add_piece(total, piece_of):
        return total + jax.hessian(loss, argnums=1)(forward, params, *piece_of), None

    pieces = jax.tree.map(split, (prompts, targets))
    total, _ = jax.lax.scan(add_piece, jnp.zeros(params.shape * 2, params.dtype), pieces)
    return total * piece / batch


value_and_grad = jax.jit(jax.value_and_grad(loss, argnums=1), static_argnums=0)
hessian = jax.jit(hessian, static_argnums=(0, 4))


def draw_covariates(law, key, shape, dtype):
    normal_key, gamma_key = jax.random.split(key)
    normal = jax.random.normal(normal_key, shape, dtype)
    if law == "gaussian":
        return normal
    direction = normal / jnp.linalg.norm(normal, axis=1, keepdims=True)
    if law == "sphere":
        return direction
    n_tokens, _, batch = shape
    gamma = jax.random.gamma(gamma_key, protocol.GAMMA_SHAPE, (n_tokens, 1, batch), dtype)
    return jnp.sqrt(protocol.GAMMA_SCALE * gamma) * direction


def draw_prompts(work, key, dtype):
    """Tokens z [n+1, d+1, B], the query last with its label hidden, and targets [B]."""
    x_key, w_key = jax.random.split(key)
    x = draw_covariates(work.law, x_key, (work.context_len + 1, work.dim, work.batch), dtype)
    w_star = jax.random.normal(w_key, (work.dim, work.batch), dtype)
    y = jnp.einsum("nib,ib->nb", x, w_star)
    z = jnp.concatenate([x, y.at[-1].set(0)[:, None]], axis=1)
    return z, y[-1]


def check(problem):
    d, n, depth = problem["dim"], problem["context_len"], problem["depth"]
    params = jnp.array(problem["params"], jnp.float64).reshape(depth, 2, d, d)
    z = jnp.moveaxis(jnp.array(problem["z"], jnp.float64).reshape(-1, n + 1, d + 1), 0, -1)
    targets = jnp.array(problem["targets"], jnp.float64)
    answers = {}
    for form, (forward, read, piece) in FORMS.items():
        value, grad = value_and_grad(forward, params, read(z), targets)
        answers[form] = {
            "loss": value.item(),
            "grad": grad.ravel().tolist(),
            "hessian": hessian(forward, params, read(z), targets, piece).ravel().tolist(),
        }
    return answers


def prepare(work):
    """The workload as a function of the number of calls."""
    forward, read, piece = FORMS[work.form]
    dtype = jnp.float64 if work.case == "hessian" else jnp.float32
    init_key, data_key = jax.random.split(jax.random.key(protocol.SEED))
    shape = (work.depth, 2, work.dim, work.dim)
    params = protocol.INIT_STD * jax.random.normal(init_key, shape, dtype)
    if work.case == "step":
        return training(params, work, data_key)

    z, targets = draw_prompts(work, data_key, dtype)
    prompts = jax.block_until_ready(read(z))
    if work.case == "gradient":
        call = lambda: value_and_grad(forward, params, prompts, targets)
    else:
        call = lambda: hessian(forward, params, prompts, targets, piece)

    def run(calls):
        for _ in range(calls):
            jax.block_until_ready(call())

    return run


def training(params, work, key):
    """Runs of fresh-batch training steps, each run one compiled scan that goes on from the last."""
    forward, read, _ = FORMS[work.form]

    def step(state, key):
        params, mean, square, count = state
        z, targets = draw_prompts(work, key, jnp.float32)
        value, grad = jax.value_and_grad(loss, argnums=1)(forward, params, read(z), targets)
        grad = grad * jnp.minimum(1, protocol.CLIP_NORM / (jnp.linalg.norm(grad.ravel()) + 1e-6))
        count = count + 1
        mean = protocol.BETA1 * mean + (1 - protocol.BETA1) * grad
        square = protocol.BETA2 * square + (1 - protocol.BETA2) * grad**2
        mean_hat = mean / (1 - protocol.BETA1**count)
        square_hat = square / (1 - protocol.BETA2**count)
        params = params - protocol.LR * mean_hat / (jnp.sqrt(square_hat) + protocol.EPS)
        return (params, mean, square, count), value

    @jax.jit
    def train(state, keys):
        return jax.lax.scan(step, state, keys)

    state = (params, jnp.zeros_like(params), jnp.zeros_like(params), jnp.float32(0))

    def run(calls):
        nonlocal state, key
        key, run_key = jax.random.split(key)
        state, losses = train(state, jax.random.split(run_key, calls))
        jax.block_until_ready(losses)

    return run


if __name__ == "__main__":
    protocol.serve("JAX", jax.__version__, list(FORMS), check, prepare)
