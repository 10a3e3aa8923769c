"""PEARL updates in PyTorch at the sizes of the paper: 16 tasks of 256 transitions, networks of 3×300,
an encoder of 3×200 over 100 transitions of context, latent 5. In two forms: with a value network and
its slow copy (the paper), and with slow copies of the two critics. Batches are made once and reused,
so sampling from a replay costs nothing here."""

import copy
import math

import torch
from torch import nn
from torch.nn import functional

from common import ACTION, HIDDEN, LATENT, OBSERVATION, figure, rate

TASKS, ROWS, CONTEXT = 16, 256, 100
ENCODER_HIDDEN = 200
DISCOUNT, TAU, REWARD_SCALE, KL_WEIGHT, ALPHA = 0.99, 0.005, 5.0, 0.1, 1.0
REGULARISATION = 1e-3
SECONDS = 10.0


def mlp(inputs, hidden, outputs):
    sizes = [inputs, hidden, hidden, hidden]
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(hidden, outputs))


def adam(*modules):
    return torch.optim.Adam([p for module in modules for p in module.parameters()], lr=3e-4)


def follow(slow, fast):
    with torch.no_grad():
        torch._foreach_lerp_(list(slow.parameters()), list(fast.parameters()), TAU)


class Pearl:
    """What both forms share: encoder, two critics, policy."""

    def __init__(self):
        state = OBSERVATION + LATENT
        self.encoder = mlp(OBSERVATION + ACTION + 1, ENCODER_HIDDEN, 2 * LATENT)
        self.critics = nn.ModuleList(mlp(state + ACTION, HIDDEN, 1) for _ in range(2))
        self.policy = mlp(state, HIDDEN, 2 * ACTION)
        self.encoder_adam = adam(self.encoder)
        self.critic_adam = adam(self.critics)
        self.policy_adam = adam(self.policy)

    def posterior(self, context):
        """Product over the context's Gaussian factors: mean and variance, [tasks, latent]."""
        mean, raw = self.encoder(context).chunk(2, -1)
        precision = functional.softplus(raw).clamp(min=1e-7).reciprocal()
        variance = precision.sum(1).reciprocal()
        return variance * (mean * precision).sum(1), variance

    def latent(self, context):
        """A sample for each row, and the divergence from the standard normal."""
        mean, variance = self.posterior(context)
        z = mean + variance.sqrt() * torch.randn_like(mean)
        divergence = 0.5 * (variance + mean.square() - 1.0 - variance.log()).sum()
        return z.repeat_interleave(ROWS, 0), divergence

    def act(self, state):
        """A sampled action, its log-probability, and what regularises the policy."""
        mean, log_std = self.policy(state).chunk(2, -1)
        log_std = log_std.clamp(-20, 2)
        noise = torch.randn_like(mean)
        raw = mean + log_std.exp() * noise
        gaussian = -0.5 * noise.square() - log_std - 0.5 * math.log(2 * math.pi)
        squash = 2.0 * (math.log(2.0) - raw - functional.softplus(-2.0 * raw))
        log_prob = (gaussian - squash).sum(-1, keepdim=True)
        excess = mean.square().mean() + log_std.square().mean()
        return raw.tanh(), log_prob, REGULARISATION * excess

    def both(self, critics, state, action):
        joined = torch.cat((state, action), -1)
        return critics[0](joined), critics[1](joined)

    def update_critics(self, batch, z, divergence, following_value):
        observation, action, reward, _, going_on, _ = batch
        target = REWARD_SCALE * reward + going_on * DISCOUNT * following_value
        first, second = self.both(self.critics, torch.cat((observation, z), -1), action)
        loss = functional.mse_loss(first, target) + functional.mse_loss(second, target)
        self.encoder_adam.zero_grad()
        self.critic_adam.zero_grad()
        (loss + KL_WEIGHT * divergence).backward()
        self.encoder_adam.step()
        self.critic_adam.step()

    def improve(self, log_prob, value, regular):
        """Steps the policy alone; the critics only carry the gradient."""
        self.policy_adam.zero_grad()
        ((ALPHA * log_prob - value).mean() + regular).backward()
        self.policy_adam.step()


class ValueForm(Pearl):
    """The target comes from a slow value network."""

    def __init__(self):
        super().__init__()
        self.value = mlp(OBSERVATION + LATENT, HIDDEN, 1)
        self.slow_value = copy.deepcopy(self.value)
        self.value_adam = adam(self.value)

    def update(self, batch):
        observation, following, context = batch[0], batch[3], batch[5]
        z, divergence = self.latent(context)
        fixed = z.detach()
        state = torch.cat((observation, fixed), -1)
        with torch.no_grad():
            following_value = self.slow_value(torch.cat((following, fixed), -1))
        self.update_critics(batch, z, divergence, following_value)
        action, log_prob, regular = self.act(state)
        self.critics.requires_grad_(False)
        value = torch.minimum(*self.both(self.critics, state, action))
        target = (value - ALPHA * log_prob).detach()
        self.value_adam.zero_grad()
        functional.mse_loss(self.value(state), target).backward()
        self.value_adam.step()
        follow(self.slow_value, self.value)
        self.improve(log_prob, value, regular)
        self.critics.requires_grad_(True)


class TargetForm(Pearl):
    """The target comes from slow copies of the critics and a fresh action."""

    def __init__(self):
        super().__init__()
        self.slow_critics = copy.deepcopy(self.critics)

    def update(self, batch):
        observation, following, context = batch[0], batch[3], batch[5]
        z, divergence = self.latent(context)
        fixed = z.detach()
        with torch.no_grad():
            after = torch.cat((following, fixed), -1)
            action, log_prob, _ = self.act(after)
            value = torch.minimum(*self.both(self.slow_critics, after, action))
            following_value = value - ALPHA * log_prob
        self.update_critics(batch, z, divergence, following_value)
        state = torch.cat((observation, fixed), -1)
        action, log_prob, regular = self.act(state)
        self.critics.requires_grad_(False)
        value = torch.minimum(*self.both(self.critics, state, action))
        self.improve(log_prob, value, regular)
        self.critics.requires_grad_(True)
        follow(self.slow_critics, self.critics)


def make_batch():
    rows = TASKS * ROWS
    return (
        torch.randn(rows, OBSERVATION),
        torch.rand(rows, ACTION) * 2 - 1,
        torch.randn(rows, 1),
        torch.randn(rows, OBSERVATION),
        torch.ones(rows, 1),
        torch.randn(TASKS, CONTEXT, OBSERVATION + ACTION + 1),
    )


def measure(form, name, threads):
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    agent, batch = form(), make_batch()

    def work():
        agent.update(batch)
        return 1

    noun = "thread" if threads == 1 else "threads"
    name = f"PyTorch PEARL updates, {name}, {threads} {noun}"
    figure(name, rate(work, SECONDS), "updates/s", rows=TASKS * ROWS, threads=threads)


if __name__ == "__main__":
    for threads in (1, 2):
        measure(ValueForm, "V network", threads)
        measure(TargetForm, "target Q", threads)
