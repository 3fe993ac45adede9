"""Opens what windtunnel writes with the tools that researchers use: polars, safetensors, numpy."""

import itertools
import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile

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
    path = folder / "prompts.npz"
    for layout, save in layouts(z):
        save(path, Z=layout, y=y)
        # What numpy reads, whatever was written.
        with np.load(path) as file:
            expected = token_loss(params, file["Z"].astype(np.float64), file["y"])
        files = ["--params", str(folder / "params.safetensors")]
        got = windtunnel("eval", *files, "--prompts", str(path))
        assert abs(got["loss"] / expected - 1) < 1e-12, (layout.dtype, got, expected)
        assert got["prompts"] == prompts and got["context_len"] == n, got


def layouts(z: np.ndarray):
    """Arrays like `z` of every order and real type, with ways to save them."""
    for save in (np.savez, np.savez_compressed, save_plainly):
        yield z, save
        yield np.asfortranarray(z), save
    yield z.transpose(1, 0, 2).copy().transpose(1, 0, 2), np.savez
    for code in ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]:
        whole = np.abs(np.round(3 * z)) if code.startswith("u") else np.round(3 * z)
        for order in "<>":
            yield (z if code.startswith("f") else whole).astype(order + code), np.savez
    yield z > 0, np.savez


def save_plainly(path: pathlib.Path, **arrays: np.ndarray) -> None:
    """Every version of the format in turn, under names without an ending."""
    versions = itertools.cycle([(2, 0), (3, 0), (1, 0)])
    with zipfile.ZipFile(path, "w") as archive:
        for (name, array), version in zip(arrays.items(), versions):
            with archive.open(name, "w") as file:
                np.lib.format.write_array(file, array, version)


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
