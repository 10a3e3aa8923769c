"""Fits the sets of a file with bnpy's memoised variational Bayes; prints one line of JSON per fit.

    python fit_bnpy.py SETS.json FRESH SEED...

The model, the moves and the batches of ours, at most 100 laps, FRESH components in a birth. The bound is
that of one more full pass, in nats, so that it can be held against ours.
"""

import contextlib
import io
import json
import os
import sys
import tempfile
import time

import numpy
from sklearn.metrics import adjusted_rand_score


def main(path, fresh, seeds):
    with open(path) as file:
        sets = json.load(file)
    settings = sets["settings"]
    for planted in sets["sets"]:
        rows = numpy.array(planted["data"], dtype=numpy.float64).reshape(-1, planted["dim"])
        for seed in seeds:
            line = {"set": planted["name"], "seed": seed, **fit(rows, settings, fresh, seed, planted)}
            print(json.dumps(line), flush=True)


def fit(rows, settings, fresh, seed, planted):
    import bnpy

    data = bnpy.data.XData(rows)
    with tempfile.TemporaryDirectory() as folder, quiet():
        begin = time.perf_counter()
        model, info = bnpy.run(
            data,
            "DPMixtureModel",
            "DiagGauss",
            "memoVB",
            output_path=folder,
            K=1,
            initname="randexamples",
            gamma0=settings["concentration"],
            sF=settings["scale"],
            kappa=settings["kappa"],
            ECovMat="eye",
            nBatch=settings["batches"],
            nLap=settings["laps"],
            moves="birth,merge,delete,shuffle",
            b_Kfresh=fresh,
            b_minNumAtomsForTargetComp=settings["fewest_in_target"],
            b_minNumAtomsForNewComp=settings["fewest_in_fresh"],
            Kmax=settings["most_components"],
            doWriteStdOut=False,
            # bnpy makes its seeds, that of births and that of batches, of this and ignores others.
            taskid=seed,
        )
        seconds = time.perf_counter() - begin
        if info["UnkArgs"]:
            raise SystemExit(f"expected bnpy to know every argument, got {info['UnkArgs']}")
        local = model.calc_local_params(data)
        statistics = model.get_global_suff_stats(data, local, doPrecompEntropy=1)
        model.update_global_params(statistics)
        bound = model.calc_evidence(SS=statistics) * rows.size
    labels = local["resp"].argmax(axis=1)
    return {
        "seconds": seconds,
        "found": int(model.obsModel.K),
        "ari": adjusted_rand_score(planted["classes"], labels),
        "bound": bound,
        "laps": float(info["lap_history"][-1]),
    }


@contextlib.contextmanager
def quiet():
    """bnpy writes of each move, whatever it is told."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


if __name__ == "__main__":
    os.environ.setdefault("BNPYOUTDIR", tempfile.gettempdir())
    main(sys.argv[1], int(sys.argv[2]), [int(seed) for seed in sys.argv[3:]])
