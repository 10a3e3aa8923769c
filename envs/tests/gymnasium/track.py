"""A user's module: a point on a track, pushed towards a target that the task gives."""

import gymnasium
import numpy as np
from gymnasium import spaces


class Track(gymnasium.Env):
    """Observes start and position; the force lies in [0, 4], and 2 keeps the point where it is."""

    observation_space = spaces.Dict(
        {
            "at": spaces.Box(-np.inf, np.inf, (1,), np.float64),
            "start": spaces.Box(-1.0, 1.0, (1,), np.float64),
        }
    )
    action_space = spaces.Box(np.float32(0.0), np.float32(4.0), (1,), np.float32)

    def __init__(self):
        self.target = None
        self.fault = None

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.start = self.at = self.np_random.uniform(-1.0, 1.0)
        self.steps = 0
        return self._observation(), {}

    def step(self, action):
        self.steps += 1
        if self.fault == 1 and self.steps == 3:
            return self._derail()
        self.at += float(action[0]) - 2.0
        gap = self.at - self.target
        return self._observation(), -abs(gap), self.at > 50.0, self.fault == 2 and self.steps == 2, {}

    def _observation(self):
        return {"at": np.array([self.at]), "start": np.array([self.start])}

    def _derail(self):
        raise RuntimeError(f"derailed at step {self.steps}")


def make():
    return gymnasium.wrappers.TimeLimit(Track(), max_episode_steps=7)


def tasks(split):
    """Faults: 0 none, 1 raises in the third step, 2 is cut off after the second."""
    if split == "train":
        return [{"target": target, "fault": 0} for target in (-3.0, 0.5, 3.0)]
    return [{"target": 1.0, "fault": fault} for fault in (0, 1, 2)]


def set_task(env, task):
    env.unwrapped.target = task["target"]
    env.unwrapped.fault = task["fault"]
