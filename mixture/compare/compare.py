"""Fits five planted sets with this crate, with scikit-learn and with bnpy, and prints the table.

    python3 mixture/compare/compare.py [--seeds N] [--bnpy-python PATH]

Needs cargo and Python 3.11 or later, and the network on the first run. Each library gets a virtual
environment under target/mixture-compare/, made anew when its requirements change. bnpy 0.1.7 needs
Python 3.8 (python3.8 on PATH, or --bnpy-python) and a C compiler; where it cannot be installed, the table
says so and the rest is compared. Everything runs on one thread, one fit after the other.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "target" / "mixture-compare"
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")}


def main():
    options = argparse.ArgumentParser(description="See the head of this file.")
    options.add_argument("--seeds", type=int, default=3, help="fits per set and library")
    options.add_argument("--bnpy-python", default="python3.8", help="a Python 3.8")
    options = options.parse_args()
    seeds = [str(seed) for seed in range(1, options.seeds + 1)]
    WORK.mkdir(parents=True, exist_ok=True)

    sets, fits = ours(seeds)
    table = {"mixture": fits}
    sklearn = environment("sklearn", sys.executable)
    table["scikit-learn"] = worker(sklearn, "fit_sklearn.py", sets, *seeds)
    check_scores(table)
    try:
        bnpy = bnpy_environment(options.bnpy_python)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"bnpy is not compared, it could not be installed: {error}\n")
    else:
        for fresh in ("4", "10"):
            table[f"bnpy, births of {fresh}"] = worker(bnpy, "fit_bnpy.py", sets, fresh, *seeds)
    show(sets, table)


def ours(seeds):
    """The file with the sets, and a fit of each for each seed."""
    fits = []
    for seed in seeds:
        path = WORK / f"sets-{seed}.json"
        run(
            ["cargo", "run", "--release", "--quiet", "-p", "mixture", "--example", "recover", "--"]
            + ["--fit-seed", seed, "--write", str(path)],
            stdout=subprocess.DEVNULL,
        )
        for fit in json.loads(path.read_text())["sets"]:
            fits.append({"set": fit["name"], **{key: fit[key] for key in ("found", "ari", "bound", "seconds")}})
    return WORK / f"sets-{seeds[0]}.json", fits


def check_scores(table):
    """Our adjusted Rand index of our labels is scikit-learn's."""
    first = {}
    for fit in table["mixture"]:
        first.setdefault(fit["set"], fit["ari"])
    for fit in table["scikit-learn"]:
        if abs(first[fit["set"]] - fit["ours"]) > 1e-9:
            raise SystemExit(f"expected scikit-learn to score {fit['set']} {first[fit['set']]}, got {fit['ours']}")


def environment(name, python):
    """The interpreter of the environment that requirements-NAME.txt describes."""
    folder = WORK / name
    interpreter = folder / "bin" / "python"
    requirements = HERE / f"requirements-{name}.txt"
    stamp = folder / "requirements.txt"
    if not (stamp.exists() and stamp.read_text() == requirements.read_text()):
        shutil.rmtree(folder, ignore_errors=True)
        run([python, "-m", "venv", folder])
        pip(interpreter, "-r", requirements)
        if name == "bnpy":
            pip(interpreter, "--no-build-isolation", "--no-deps", "bnpy==0.1.7")
        shutil.copy(requirements, stamp)
    return interpreter


def bnpy_environment(python):
    interpreter = environment("bnpy", python)
    run([interpreter, "-c", "import bnpy"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return interpreter


def pip(interpreter, *arguments):
    log = WORK / "pip.log"
    with open(log, "a") as file:
        run([interpreter, "-m", "pip", "install", *arguments], stdout=file, stderr=file)


def worker(interpreter, script, *arguments):
    output = run([interpreter, HERE / script, *arguments], stdout=subprocess.PIPE)
    return [json.loads(line) for line in output.stdout.splitlines()]


def run(command, **pipes):
    environment = {**os.environ, **ONE_THREAD}
    return subprocess.run([str(word) for word in command], check=True, cwd=ROOT, env=environment, text=True, **pipes)


def show(sets, table):
    """Markdown: per set and library the median over seeds, and the range where it is one."""
    for planted in json.loads(sets.read_text())["sets"]:
        rows = len(planted["classes"])
        print(f"\n**{planted['name']}**: {rows} × {planted['dim']}, {planted['components']} components;"
              f" with the true mixture ARI {planted['optimal_ari']:.4f}\n")
        print("| library | ARI | components | bound, nats | seconds |")
        print("|---|---|---|---|---|")
        for library, fits in table.items():
            fits = [fit for fit in fits if fit["set"] == planted["name"]]
            ari, found = spread(fits, "ari", ".4f"), spread(fits, "found", ".0f")
            bound, seconds = spread(fits, "bound", ",.1f"), spread(fits, "seconds", ".3f")
            print(f"| {library} | {ari} | {found} | {bound} | {seconds} |")


def spread(fits, key, form):
    values = [fit[key] for fit in fits if key in fit]
    if not values:
        return "–"
    low, middle, high = (format(of(values), form) for of in (min, statistics.median, max))
    return middle if low == high else f"{middle} ({low} to {high})"


if __name__ == "__main__":
    main()
