"""`environments.py NAME`: how many steps per second sixteen environments take together on one thread,
resets included, under random actions: Gymnasium's, the fastest way it offers, and EnvPool's."""

import sys

import numpy as np

from common import figure, rate

COUNT = 16
STEPS = 200
SECONDS = 4.0


def sampled(space):
    """Actions for all steps of all environments, drawn in advance."""
    space.seed(1)
    return np.stack([[space.sample() for _ in range(COUNT)] for _ in range(STEPS)])


def one_by_one(name):
    import gymnasium

    envs = [gymnasium.make(name) for _ in range(COUNT)]
    for seed, env in enumerate(envs):
        env.reset(seed=seed)
    actions = sampled(envs[0].action_space)

    def work():
        for row in actions:
            for env, action in zip(envs, row):
                _, _, terminated, truncated, _ = env.step(action)
                if terminated or truncated:
                    env.reset()
        return STEPS * COUNT

    return rate(work, SECONDS)


def together(envs, space):
    envs.reset()
    actions = sampled(space)

    def work():
        for row in actions:
            envs.step(row)
        return STEPS * COUNT

    return rate(work, SECONDS)


def vector(name, mode):
    """None where the environment has no such form."""
    import gymnasium

    if mode == "vector_entry_point" and gymnasium.spec(name).vector_entry_point is None:
        return None
    envs = gymnasium.make_vec(name, COUNT, vectorization_mode=mode)
    return together(envs, envs.single_action_space)


def pool(name):
    import envpool

    envs = envpool.make_gymnasium(name, num_envs=COUNT, batch_size=COUNT, num_threads=1, seed=1)
    return together(envs, envs.action_space)


def main(name):
    ways = {"one by one": one_by_one(name)}
    for mode in ("sync", "vector_entry_point"):
        ways[mode] = vector(name, mode)
    best = max((speed, way) for way, speed in ways.items() if speed is not None)
    figure(f"gymnasium {name}", best[0], "steps/s", environments=COUNT, way=best[1])
    figure(f"envpool {name}", pool(name), "steps/s", environments=COUNT, threads=1)


if __name__ == "__main__":
    main(sys.argv[1])
