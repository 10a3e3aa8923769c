"""PyTorch rollouts of HalfCheetah on one core that infer the task at every step with a GRU of 235 numbers
over a window of 64 transitions, with 1, 8 and 100 environments."""

from common import EPISODE, figure, one_core, rate
from windows import WINDOW, WindowRollouts

WIDTH = 235
SECONDS = 5.0


def measure(count):
    rollouts = WindowRollouts(count, seed=1, width=WIDTH)

    def work():
        rollouts.episode()
        return count * EPISODE

    noun = "environment" if count == 1 else "environments"
    name = f"PyTorch rollouts, GRU over the window anew, {count} {noun}"
    speed = rate(work, SECONDS)
    figure(name, speed, "steps/s", cores=1, environments=count, width=WIDTH, window=WINDOW)


if __name__ == "__main__":
    one_core()
    for count in (1, 8, 100):
        measure(count)
