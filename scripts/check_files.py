"""Opens what windtunnel writes with the tools that researchers use: polars, safetensors, numpy."""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import polars as pl
from safetensors.numpy import load_file, save_file


def main() -> None:
    program = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        store = pathlib.Path(folder, "runs")

        def windtunnel(*args: str) -> object:
            command = [program, "--store", store, "--json", *args]
            return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)

        sets = ["train.steps=20", "eval.every=5", "train.precision=f64", "train.batch_size=37"]
        runs = windtunnel("train", "--seeds", "0..2", *(a for s in sets for a in ("--set", s)))
        check_metrics(store, runs)
        check_state(store, runs[0])
        check_eval(pathlib.Path(folder), windtunnel)
    print("polars, safetensors and numpy agree with windtunnel")


def check_metrics(store: pathlib.Path, runs: list[dict]) -> None:
    table = pl.read_parquet(store / "runs" / "*" / "metrics.parquet")
    assert table.columns == ["run", "step", "metric", "value"], table.columns
    assert table.schema["step"] == pl.Int64 and table.schema["value"] == pl.Float64, table.schema
    assert set(table["run"]) == {run["run"] for run in runs}
    for run in runs:
        losses = table.filter((pl.col("run") == run["run"]) & (pl.col("metric") == "held_out_loss"))
        assert losses["step"].to_list() == [0, 5, 10, 15, 20], losses
        assert losses["value"][-1] == run["held_out_loss"], (losses, run)


def check_state(store: pathlib.Path, run: dict) -> None:
    state = load_file(store / "runs" / run["run"] / "state.safetensors")
    assert state["params"].shape == (3, 2, 5, 5) and state["params"].dtype == np.float64, state
    assert any(name.endswith("exp_avg_sq") for name in state), list(state)


def check_eval(folder: pathlib.Path, windtunnel) -> None:
    """Evaluates random prompts of each layout and type, against the token-level formula."""
    rng = np.random.default_rng(0)
    layers, dim, n, prompts = 3, 4, 6, 21
    params = rng.normal(0, 0.2, (layers, 2, dim, dim))
    z = rng.normal(size=(prompts, n + 1, dim + 1))
    z[:, -1, -1] = 0
    y = rng.normal(size=prompts)
    save_file({"params": params}, folder / "params.safetensors")
    expected = token_loss(params, z, y)
    layouts = [z, np.asfortranarray(z), z.astype(np.float32)]
    for layout, save in zip(layouts, [np.savez, np.savez_compressed, np.savez]):
        save(folder / "prompts.npz", Z=layout, y=y)
        files = ["--params", str(folder / "params.safetensors")]
        got = windtunnel("eval", *files, "--prompts", str(folder / "prompts.npz"))
        # Prompts in float32 are other prompts, by 6e-8 each.
        tolerance = 1e-12 if layout.dtype == np.float64 else 1e-5
        assert abs(got["loss"] / expected - 1) < tolerance, (got, expected)
        assert got["prompts"] == prompts and got["context_len"] == n, got


def token_loss(params: np.ndarray, z: np.ndarray, y: np.ndarray) -> float:
    dim, n = params.shape[-1], z.shape[1] - 1
    z = z.copy()
    for p, q in params:
        full_p, full_q = np.zeros((2, dim + 1, dim + 1))
        full_p[:dim, :dim], full_p[dim, dim], full_q[:dim, :dim] = p, 1, q
        attention = np.einsum("bka,ac,btc->bkt", z, full_q, z)
        attention[:, n] = 0  # the query is never a key
        z = z + np.einsum("ra,bka,bkt->btr", full_p, z, attention) / n
    return float(np.mean((-z[:, n, dim] - y) ** 2))


main()
