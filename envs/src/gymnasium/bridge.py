"""Between the actor and the Python environment of a user: see docs/gymnasium.md.

Numbers cross as bytes of 64-bit floats, so that no array library is needed on the other side.
"""

import math
import os
import site
import sys


def use_virtual_environment():
    """Takes the packages of the active one, which an embedded interpreter does not do by itself."""
    root = os.environ.get("VIRTUAL_ENV")
    if not root or sys.prefix != sys.base_prefix:
        return
    before = list(sys.path)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site.addsitedir(os.path.join(root, "lib", version, "site-packages"))
    sys.path[:] = [folder for folder in sys.path if folder not in before] + before


use_virtual_environment()

import importlib

import numpy as np
from gymnasium import Wrapper, spaces
from gymnasium.wrappers import TimeLimit


class Hook:
    """The module of the user: what it makes, and which tasks there are."""

    def __init__(self, name):
        self._module = importlib.import_module(name)
        for function in ("make", "tasks"):
            if not callable(getattr(self._module, function, None)):
                raise TypeError(f"{name}: expected a function {function!r}, got none")

    def make(self):
        return World(self._module.make(), getattr(self._module, "set_task", None))

    def tasks(self, split):
        """Lists of (name, number), all with the same names in the same order."""
        tasks = [named_numbers(task) for task in self._module.tasks(split)]
        if not tasks:
            raise ValueError(f"tasks({split!r}): expected at least one task, got none")
        names = [name for name, _ in tasks[0]]
        for task in tasks:
            if [name for name, _ in task] != names:
                raise ValueError(f"tasks({split!r}): expected tasks of {names}, got {task}")
        return tasks


def named_numbers(task):
    numbers = [(str(name), float(value)) for name, value in dict(task).items()]
    if not all(math.isfinite(value) for _, value in numbers):
        raise ValueError(f"expected a task of finite numbers, got {task!r}")
    return numbers


class World:
    """An environment with plain numbers on the outside."""

    def __init__(self, env, set_task):
        self._env = env
        self._set_task = set_task
        self._space = env.observation_space
        self.observation_dim = spaces.flatdim(self._space)
        self._action = ACTIONS.get(type(env.action_space), refuse)(env.action_space)
        self.action_dim = self._action.width
        self.choice = isinstance(self._action, Choice)
        self.horizon = time_limit(env)
        self.can_switch = set_task is not None

    def reset(self, task, seed):
        if self._set_task is None:
            observation, _ = self._env.reset(seed=seed, options={"task": task})
        else:
            self._set_task(self._env, task)
            observation, _ = self._env.reset(seed=seed)
        return self._flat(observation)

    def switch(self, task):
        if self._set_task is None:
            raise TypeError("expected a function 'set_task' for tasks that change within an episode")
        self._set_task(self._env, task)

    def step(self, action):
        step = self._env.step(self._action.of(action))
        observation, reward, terminated, truncated, _ = step
        return self._flat(observation), float(reward), bool(terminated), bool(truncated)

    def _flat(self, observation):
        if not isinstance(self._space, spaces.Box):
            observation = spaces.flatten(self._space, observation)
        return np.asarray(observation, np.float64).tobytes()


def time_limit(env):
    """Steps, or None. Only registered environments have a specification that says it."""
    if env.spec is not None and env.spec.max_episode_steps is not None:
        return env.spec.max_episode_steps
    while isinstance(env, Wrapper):
        if isinstance(env, TimeLimit):
            return env._max_episode_steps
        env = env.env
    return None


class Choice:
    """One of several alternatives, by its position."""

    def __init__(self, space):
        self.width = int(space.n)
        self._first = int(space.start)

    def of(self, position):
        return self._first + position


class Controls:
    """Numbers of [-1, 1], spread over the bounds of a box."""

    def __init__(self, space):
        if not space.is_bounded() or not np.issubdtype(space.dtype, np.floating):
            raise ValueError(f"action_space: expected finite bounds and floats, got {space}")
        self.width = math.prod(space.shape)
        low, high = space.low.astype(np.float64), space.high.astype(np.float64)
        self._space, self._centre, self._reach = space, (high + low) / 2.0, (high - low) / 2.0

    def of(self, numbers):
        numbers = np.frombuffer(numbers, np.float64).reshape(self._space.shape)
        action = (self._centre + self._reach * numbers).astype(self._space.dtype)
        return np.clip(action, self._space.low, self._space.high)


def refuse(space):
    raise TypeError(f"action_space: expected a Box or Discrete, got {space}")


ACTIONS = {spaces.Box: Controls, spaces.Discrete: Choice}
