"""Rollouts that infer the task at every step with a GRU over the last transitions, as TIGR does: rows of
observation, action, reward and next observation; ReLU on the last state; a head that gives a mixture of
Gaussians; z is the sum of the components' means, weighted by their probabilities.

The window starts with the first transition of the episode, as ours does, and is run over anew at every
step, for all environments in one call. Rows are not normalised, which ours are."""

import numpy as np
import torch
from torch import nn

from common import ACTION, EPISODE, OBSERVATION, Rollouts

WINDOW = 64
ROW = 2 * OBSERVATION + ACTION + 1
LATENT = 8
COMPONENTS = 8


class Encoder(nn.Module):
    """Rows [length, count, ROW] in, z [count, LATENT] out."""

    def __init__(self, width):
        super().__init__()
        self.gru = nn.GRU(ROW, width)
        outputs = COMPONENTS * (2 * LATENT + 1)
        self.head = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, outputs))

    def forward(self, rows):
        if len(rows) == 0:
            state = rows.new_zeros(rows.shape[1], self.gru.hidden_size)
        else:
            state = self.gru(rows)[1][0]
        described = self.head(torch.relu(state))
        means = described[:, : COMPONENTS * LATENT].unflatten(1, (COMPONENTS, LATENT))
        weights = described[:, 2 * COMPONENTS * LATENT :].softmax(1)
        return (weights.unsqueeze(2) * means).sum(1)


class WindowRollouts(Rollouts):
    """Episodes of `count` environments with one batched call of encoder and policy per step."""

    latent = LATENT

    def __init__(self, count, seed, width):
        super().__init__(count, seed)
        self._encoder = Encoder(width)
        self._rows = np.zeros((EPISODE, count, ROW), np.float32)

    def _infer(self, step):
        if step > 0:
            self._remember(step - 1)
        window = self._rows[max(0, step - WINDOW) : step]
        return self._encoder(torch.from_numpy(window))

    def _remember(self, step):
        row, action_end = self._rows[step], OBSERVATION + ACTION
        row[:, :OBSERVATION] = self._observations[step]
        row[:, OBSERVATION:action_end] = self._actions[step]
        row[:, action_end] = self._rewards[step]
        row[:, action_end + 1 :] = self._observations[step + 1]
