"""Two Ray actors, each rolling out HalfCheetah with a GRU of 128 numbers over a window of 64 transitions
at every step, and streaming 200-step trajectories to the driver."""

import functools

import ray_stream
from common import figure
from ray_stream import ACTORS, Stream, throughput
from windows import WINDOW, WindowRollouts

WIDTH = 128


def measure(ray, count):
    workers = ray_stream.start(ray, functools.partial(WindowRollouts, count, width=WIDTH))
    speed = throughput(Stream(ray, workers))
    ray_stream.stop(ray, workers)
    noun = "environment" if count == 1 else "environments"
    name = f"two Ray actors, GRU {WIDTH} over the window anew, {count} {noun} each"
    figure(name, speed, "steps/s", actors=ACTORS, environments=count, width=WIDTH, window=WINDOW)


def main():
    import ray

    ray_stream.init(ray)
    for count in (1, 8):
        measure(ray, count)
    ray.shutdown()


if __name__ == "__main__":
    main()
