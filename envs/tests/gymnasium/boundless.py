"""A user's module without bounds of the action, and without a way to change the task."""

import gymnasium
import numpy as np
from gymnasium import spaces


class Boundless(gymnasium.Env):
    observation_space = spaces.Box(-1.0, 1.0, (1,))
    action_space = spaces.Box(-np.inf, np.inf, (1,))


def make():
    return Boundless()


def tasks(split):
    return [{"size": 1.0}]
