"""Runs the worked examples of docs/extending.md on a copy of the crates they belong to.

Usage: python scripts/check_example.py target/example

The page shows a data family, an attention variant and an optimizer: a file, and the one
line that registers it. All are taken from the page as they stand, put into the copy, and
the tests that run over the lists must pass with the new ones among them. A block that is
an "example of" a file must stand in that file, which the tests of the workspace run.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The crates of the lists and what they need.
CRATES = ("math", "model", "optim")
# Tests of the list of optimizers: all of one file.
OPTIMIZERS = "conformance"


def blocks(page):
    """(what, path, code) of every marked block of the page."""
    marked = re.compile(r"<!-- (example|example line|example of): (\S+) -->\n```rust\n(.*?)```", re.DOTALL)
    return marked.findall(page)


def apply(copy, what, path, code):
    if what == "example of":
        assert code in (ROOT / path).read_text(), f"{path} has another text than the page"
        return
    file = copy / path
    if what == "example":
        assert not file.exists(), f"{path} is in the tree already: the example must be new"
        file.write_text(code)
        return
    text = file.read_text()
    lists = re.compile(r"^(?!macro_rules)\w+! \{\n.*?(?=^\}\n)", re.DOTALL | re.MULTILINE)
    (found,) = lists.finditer(text)
    file.write_text(text[: found.end()] + code.rstrip() + "\n" + text[found.end() :])


def main(folder):
    found = blocks((ROOT / "docs" / "extending.md").read_text())
    assert [what for what, _, _ in found] == ["example", "example line"] * 3 + ["example of"], found
    copy = folder.resolve() / "tree"
    shutil.rmtree(copy, ignore_errors=True)
    for crate in CRATES:
        shutil.copytree(ROOT / "crates" / crate, copy / "crates" / crate)
    for name in ("Cargo.lock", "clippy.toml"):
        shutil.copy(ROOT / name, copy / name)
    manifest = (ROOT / "Cargo.toml").read_text()
    manifest = re.sub(r"members = .*", 'members = ["crates/*"]', manifest, count=1)
    manifest = re.sub(r"default-members = .*\n", "", manifest)
    others = rf"windtunnel-(?!{'|'.join(CRATES)}).* = .*\n"
    manifest = re.sub(others, "", manifest)
    # Kernels at full speed would take longer to compile than these tests take without.
    manifest = manifest.replace("opt-level = 3", "opt-level = 1")
    (copy / "Cargo.toml").write_text(manifest)
    for what, path, code in found:
        apply(copy, what, path, code)
    env = {**os.environ, "CARGO_TARGET_DIR": str(folder.resolve() / "target")}
    tests = ["covariances_are", "prompts_depend", "kernel_equals", "gradient_equals", "hvp_equals"]
    run(copy, env, ["--test", "data", "--test", "twins", "--", *tests], len(tests))
    source = (copy / "crates" / "optim" / "tests" / f"{OPTIMIZERS}.rs").read_text()
    run(copy, env, ["--test", OPTIMIZERS], source.count("#[test]"))


def run(copy, env, arguments, expected):
    command = ["cargo", "test", "--quiet", *arguments]
    done = subprocess.run(command, cwd=copy, env=env, capture_output=True, text=True)
    sys.stdout.write(done.stdout)
    if done.returncode:
        sys.stderr.write(done.stderr)
        sys.exit(done.returncode)
    passed = sum(int(count) for count in re.findall(r"(\d+) passed", done.stdout))
    assert passed == expected, "the tests of the lists did not run"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
