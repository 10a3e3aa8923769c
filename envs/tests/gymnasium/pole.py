"""A user's module: Gymnasium's own cart and pole under another gravity."""

import gymnasium


def make():
    return gymnasium.make("CartPole-v1")


def tasks(split):
    return [{"gravity": g} for g in ((9.8, 20.0) if split == "train" else (1.6,))]


def set_task(env, task):
    env.unwrapped.gravity = task["gravity"]
