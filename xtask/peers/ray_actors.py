"""Two Ray actors, each rolling out HalfCheetah and streaming 200-step trajectories to the driver."""

import time

START = time.perf_counter()

import functools
import os

import ray_stream
from common import EPISODE, Rollouts, figure
from ray_stream import ACTORS, Stream, throughput


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


def main():
    import ray

    ray_stream.init(ray)
    workers = ray_stream.start(ray, functools.partial(Rollouts, 1))
    stream = Stream(ray, workers)
    stream.take()
    first = time.perf_counter() - START
    figure("two Ray actors, start to first trajectory", first, "s", steps=EPISODE)
    steps = throughput(stream)
    figure("two Ray actors, rollouts, 1 environment each", steps, "steps/s", actors=ACTORS, environments=1)
    sizes = [resident_mib(pid) for pid in descendants(os.getpid())]
    name = "two Ray actors, resident memory"
    figure(name, sum(sizes), "MiB", processes=len(sizes), largest=max(sizes))
    ray_stream.stop(ray, workers)
    batched = throughput(Stream(ray, ray_stream.start(ray, functools.partial(Rollouts, 16))))
    name = "two Ray actors, rollouts, 16 environments each"
    figure(name, batched, "steps/s", actors=ACTORS, environments=16)
    ray.shutdown()


if __name__ == "__main__":
    main()
