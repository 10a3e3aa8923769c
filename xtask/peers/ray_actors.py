"""Two Ray actors, each rolling out HalfCheetah and streaming 200-step trajectories to the driver."""

import time

START = time.perf_counter()

import os

from common import EPISODE, Rollouts, figure

ACTORS = 2
SECONDS = 8.0
# Trajectories asked of each actor in advance, so that none waits for the driver.
AHEAD = 2
HERE = os.path.dirname(os.path.abspath(__file__))


def descendants(root):
    """The process `root` and all below it."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                parents[int(name)] = int(file.read().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, fringe = {root}, {root}
    while fringe:
        fringe = {pid for pid, parent in parents.items() if parent in fringe} - found
        found |= fringe
    return found


def resident_mib(pid):
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return 0.0


def start(ray, environments):
    class Worker:
        def __init__(self, seed):
            self._rollouts = Rollouts(environments, seed)

        def episode(self):
            return self._rollouts.episode()

    remote = ray.remote(num_cpus=1)(Worker)
    return [remote.remote(seed) for seed in range(1, ACTORS + 1)]


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
    until = time.perf_counter() + 2.0
    while time.perf_counter() < until:
        stream.take()
    steps, begin = 0, time.perf_counter()
    while time.perf_counter() < begin + SECONDS:
        steps += stream.take()
    return steps / (time.perf_counter() - begin)


def main():
    import ray

    ray.init(
        num_cpus=ACTORS,
        include_dashboard=False,
        logging_level="error",
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": HERE, "OMP_NUM_THREADS": "1"}},
    )
    workers = start(ray, environments=1)
    stream = Stream(ray, workers)
    stream.take()
    first = time.perf_counter() - START
    figure("two Ray actors, start to first trajectory", first, "s", steps=EPISODE)
    steps = throughput(stream)
    figure("two Ray actors, rollouts, 1 environment each", steps, "steps/s", actors=ACTORS, environments=1)
    sizes = [resident_mib(pid) for pid in descendants(os.getpid())]
    name = "two Ray actors, resident memory"
    figure(name, sum(sizes), "MiB", processes=len(sizes), largest=max(sizes))
    for worker in workers:
        ray.kill(worker)
    batched = throughput(Stream(ray, start(ray, environments=16)))
    name = "two Ray actors, rollouts, 16 environments each"
    figure(name, batched, "steps/s", actors=ACTORS, environments=16)
    ray.shutdown()


if __name__ == "__main__":
    main()
