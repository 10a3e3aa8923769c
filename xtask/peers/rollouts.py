"""PyTorch rollouts of HalfCheetah on one core, with one and with sixteen environments."""

from common import EPISODE, Rollouts, figure, one_core, rate

SECONDS = 5.0


def measure(count):
    rollouts = Rollouts(count, seed=1)

    def work():
        rollouts.episode()
        return count * EPISODE

    noun = "environment" if count == 1 else "environments"
    name = f"PyTorch rollouts, {count} {noun}"
    figure(name, rate(work, SECONDS), "steps/s", cores=1, environments=count)


if __name__ == "__main__":
    one_core()
    for count in (1, 16):
        measure(count)
