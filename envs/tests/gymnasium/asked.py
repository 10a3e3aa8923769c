"""A user's module whose environment reads the task from the options of its reset."""

import gymnasium
import numpy as np
from gymnasium import spaces


class Asked(gymnasium.Env):
    """Shows the size of the task; never ends."""

    observation_space = spaces.Box(-10.0, 10.0, (1,))
    action_space = spaces.Discrete(3, start=-1)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.size = options["task"]["size"]
        return np.array([self.size], np.float32), {}

    def step(self, action):
        return np.array([self.size], np.float32), float(action), False, False, {}


def make():
    return Asked()


def tasks(split):
    return [{"size": 1.0}, {"size": 2.0}]
