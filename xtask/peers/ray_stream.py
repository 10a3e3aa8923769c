"""Ray actors that roll out, and the driver's end of the trajectories that they stream to it."""

import os
import time

ACTORS = 2
SECONDS = 8.0
# Trajectories asked of each actor in advance, so that none waits for the driver.
AHEAD = 2
HERE = os.path.dirname(os.path.abspath(__file__))


def init(ray):
    ray.init(
        num_cpus=ACTORS,
        include_dashboard=False,
        logging_level="error",
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": HERE, "OMP_NUM_THREADS": "1"}},
    )


def start(ray, make):
    """Workers, each with the rollouts that `make` gives for its seed."""

    class Worker:
        def __init__(self, seed):
            self._rollouts = make(seed)

        def episode(self):
            return self._rollouts.episode()

    remote = ray.remote(num_cpus=1)(Worker)
    return [remote.remote(seed) for seed in range(1, ACTORS + 1)]


def stop(ray, workers):
    for worker in workers:
        ray.kill(worker)


class Stream:
    """The driver's end: takes what is finished, asks for more, counts steps."""

    def __init__(self, ray, workers):
        self._ray = ray
        self._open = {w.episode.remote(): w for w in workers for _ in range(AHEAD)}

    def take(self):
        """Steps of the next trajectory, once it is here."""
        (done,), _ = self._ray.wait(list(self._open), num_returns=1)
        worker = self._open.pop(done)
        _, actions, _ = self._ray.get(done)
        self._open[worker.episode.remote()] = worker
        return actions.shape[0] * actions.shape[1]


def throughput(stream):
    """Steps per second of all workers together."""
    until = time.perf_counter() + 2.0
    while time.perf_counter() < until:
        stream.take()
    steps, begin = 0, time.perf_counter()
    while time.perf_counter() < begin + SECONDS:
        steps += stream.take()
    return steps / (time.perf_counter() - begin)
