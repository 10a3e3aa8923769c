"""Fits the sets of a file with scikit-learn's BayesianGaussianMixture; prints one line of JSON per fit.

    python fit_sklearn.py SETS.json SEED...

Same prior and concentration as ours. The number of components is an upper bound here, not found by
moves: what counts as found is every component that is the most probable one of at least one row.
"""

import json
import sys
import time
import warnings

import numpy
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import BayesianGaussianMixture

MOST_COMPONENTS = 40


def main(path, seeds):
    with open(path) as file:
        sets = json.load(file)
    settings = sets["settings"]
    # That a fit has not converged is in the result.
    warnings.simplefilter("ignore", ConvergenceWarning)
    for planted in sets["sets"]:
        dim = planted["dim"]
        rows = numpy.array(planted["data"], dtype=numpy.float64).reshape(-1, dim)
        for seed in seeds:
            model = BayesianGaussianMixture(
                n_components=MOST_COMPONENTS,
                covariance_type="diag",
                weight_concentration_prior_type="dirichlet_process",
                weight_concentration_prior=settings["concentration"],
                mean_precision_prior=settings["kappa"],
                mean_prior=numpy.zeros(dim),
                degrees_of_freedom_prior=dim + 2,
                covariance_prior=numpy.full(dim, settings["scale"] * dim),
                max_iter=1000,
                random_state=seed,
            )
            begin = time.perf_counter()
            labels = model.fit_predict(rows)
            seconds = time.perf_counter() - begin
            line = {
                "set": planted["name"],
                "seed": seed,
                "seconds": seconds,
                "found": len(set(labels.tolist())),
                "ari": adjusted_rand_score(planted["classes"], labels),
                "converged": model.converged_,
                # Ours, scored by somebody else.
                "ours": adjusted_rand_score(planted["classes"], planted["labels"]),
            }
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], [int(seed) for seed in sys.argv[2:]])
