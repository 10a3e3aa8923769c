"""What the scripts in this folder share: HalfCheetah as PEARL sees it, a policy, and how a figure is printed."""

import functools
import json
import os
import statistics
import time

EPISODE = 200
LATENT = 5
OBSERVATION = 20
ACTION = 6
FRAME_SKIP = 5
HIDDEN = 300


def figure(name, value, unit, **detail):
    """One line of JSON, as `cargo xtask bench` reads it."""
    line = {"bench": "peers", "figure": name, "value": value, "unit": unit, "detail": detail}
    print(json.dumps(line), flush=True)


def one_core():
    """Keeps this process on one core, the last it may use."""
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})


@functools.cache
def model():
    """One model for all environments of a process; each has its own data."""
    import gymnasium
    import mujoco

    assets = os.path.join(os.path.dirname(gymnasium.__file__), "envs", "mujoco", "assets")
    return mujoco.MjModel.from_xml_path(os.path.join(assets, "half_cheetah.xml"))


class Cheetah:
    """HalfCheetah straight on MuJoCo, without the layers of a wrapper: the fastest way from Python."""

    def __init__(self, seed):
        import mujoco
        import numpy as np

        self._mujoco = mujoco
        self._model = model()
        self._data = mujoco.MjData(self._model)
        self._torso = self._data.body("torso").xpos
        self._random = np.random.default_rng(seed)
        self._goal = self._random.uniform(0.0, 3.0)
        self._step_seconds = self._model.opt.timestep * FRAME_SKIP

    def reset(self, out):
        model, data, random = self._model, self._data, self._random
        self._mujoco.mj_resetData(model, data)
        data.qpos[:] += random.uniform(-0.1, 0.1, model.nq)
        data.qvel[:] += 0.1 * random.standard_normal(model.nv)
        self._mujoco.mj_forward(model, data)
        self._observe(out)

    def step(self, action, out):
        """Writes the observation into `out` and returns the reward for the goal velocity."""
        data = self._data
        before = data.qpos[0]
        data.ctrl[:] = action
        self._mujoco.mj_step(self._model, data, FRAME_SKIP)
        self._observe(out)
        velocity = (data.qpos[0] - before) / self._step_seconds
        return -abs(velocity - self._goal) - 0.05 * float(action @ action)

    def _observe(self, out):
        out[0:8] = self._data.qpos[1:]
        out[8:17] = self._data.qvel
        out[17:20] = self._torso


def make_policy(latent):
    """Observation and `latent` numbers in, mean and log standard deviation of a squashed Gaussian out."""
    from torch import nn

    return nn.Sequential(
        nn.Linear(OBSERVATION + latent, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, 2 * ACTION),
    )


class Rollouts:
    """Episodes of `count` environments with one batched call of the policy per step."""

    # Numbers that the policy is given of the task.
    latent = LATENT

    def __init__(self, count, seed):
        import numpy as np
        import torch

        torch.manual_seed(seed)
        torch.set_num_threads(1)
        self._torch = torch
        self._count = count
        self._cheetahs = [Cheetah(seed * 1000 + index) for index in range(count)]
        self._policy = make_policy(self.latent)
        self._observations = np.zeros((EPISODE + 1, count, OBSERVATION), np.float32)
        self._actions = np.zeros((EPISODE, count, ACTION), np.float32)
        self._rewards = np.zeros((EPISODE, count), np.float32)

    def episode(self):
        """One episode in every environment; returns arrays of observations, actions, rewards."""
        with self._torch.inference_mode():
            for index, cheetah in enumerate(self._cheetahs):
                cheetah.reset(self._observations[0, index])
            for step in range(EPISODE):
                self._step(step, self._infer(step))
        return self._observations.copy(), self._actions.copy(), self._rewards.copy()

    def _infer(self, step):
        """z before a step, [count, latent]: here drawn once, at the start of an episode."""
        if step == 0:
            self._drawn = self._torch.randn(self._count, self.latent)
        return self._drawn

    def _step(self, step, latent):
        torch = self._torch
        seen = torch.from_numpy(self._observations[step])
        mean, log_std = self._policy(torch.cat((seen, latent), 1)).chunk(2, 1)
        noise = torch.randn(self._count, ACTION)
        actions = torch.tanh(mean + log_std.clamp(-20, 2).exp() * noise).numpy()
        self._actions[step] = actions
        following = self._observations[step + 1]
        for index, cheetah in enumerate(self._cheetahs):
            self._rewards[step, index] = cheetah.step(actions[index], following[index])


def rate(work, seconds, warm_up=1.0):
    """How much of what `work` counts is done per second: the median over five stretches."""
    stop = time.perf_counter() + warm_up
    while time.perf_counter() < stop:
        work()
    rates = []
    for _ in range(5):
        done, start = 0, time.perf_counter()
        while time.perf_counter() < start + seconds / 5:
            done += work()
        rates.append(done / (time.perf_counter() - start))
    return statistics.median(rates)
