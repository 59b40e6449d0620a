"""The optimiser of `etude.training.schedule` in Keras, equal to the other frameworks' to the last digits.

Keras's own AdamW differs in three places: its epsilon is 1e-7; it adds epsilon to the root of the second moment before
the bias of that moment is corrected, so that in the first steps it weighs up to 32 times as much (Kingma & Ba 2015 give
both forms, in section 2 and in algorithm 1); and it decays every weight. `clipnorm` would clip each gradient by itself.
"""

from __future__ import annotations

from etude.training.keras.framework import keras, tf
from etude.training.schedule import CLIP, warm_up_cosine
from etude.types import Budget

EPSILON = 1e-8
NORM_EPSILON = 1e-6  # in the quotient that clips, as the other frameworks have it


class AdamW(keras.optimizers.AdamW):
    """AdamW as in algorithm 1 of Kingma & Ba (2015), with decoupled decay (Loshchilov & Hutter 2019)."""

    def update_step(self, gradient, variable, learning_rate):
        """Take a step: variable <- variable - rate * m / (sqrt(v) + epsilon), both moments corrected."""
        dtype, place = variable.dtype, self._get_variable_index(variable)
        gradient, steps = tf.cast(gradient, dtype), tf.cast(self.iterations + 1, tf.float64)
        first = _towards(self._momentums[place], gradient, 1 - self.beta_1)
        second = _towards(self._velocities[place], tf.square(gradient), 1 - self.beta_2)
        # in double precision: 1 - 0.999 in single precision is wrong in the fifth digit
        lacking = [1 - tf.constant(beta, tf.float64) ** steps for beta in (self.beta_1, self.beta_2)]
        root = tf.sqrt(second) / tf.cast(tf.sqrt(lacking[1]), dtype) + self.epsilon
        variable.assign_sub(tf.cast(tf.cast(learning_rate, tf.float64) / lacking[0], dtype) * first / root)

    def _clip_gradients(self, gradients):
        """Return gradients whose norm, all taken together, is at most `global_clipnorm`."""
        if not self.global_clipnorm:
            return super()._clip_gradients(gradients)
        norm = tf.linalg.global_norm(gradients)
        share = tf.minimum(self.global_clipnorm / (norm + NORM_EPSILON), 1)
        return [gradient * share for gradient in gradients]


def _towards(moment, value, share: float):
    """Move a moment by a share of the way to a value; returns it."""
    before = tf.convert_to_tensor(moment)
    moment.assign(before + share * (value - before))
    return tf.convert_to_tensor(moment)


class WarmUpCosine(keras.optimizers.schedules.LearningRateSchedule):
    """`warm_up_cosine` as a table of one rate a step."""

    def __init__(self, peak: float, steps: int):
        self.rates = tf.constant([peak * warm_up_cosine(step, steps) for step in range(steps)], tf.float64)

    def __call__(self, step):
        """Return the learning rate of an optimiser step."""
        return tf.gather(self.rates, tf.minimum(tf.cast(step, tf.int32), tf.size(self.rates) - 1))

    def get_config(self):
        """Return nothing: a schedule is made from a budget."""
        return {}


def optimizer(network, budget: Budget) -> AdamW:
    """Return the optimiser of a network's weights; vectors do not decay."""
    made = AdamW(
        learning_rate=WarmUpCosine(budget.learning_rate, budget.steps),
        weight_decay=budget.weight_decay,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=EPSILON,
        global_clipnorm=CLIP,
    )
    weights, decaying = network.trainable_variables, {id(weight) for weight in network.decaying()}
    made.exclude_from_weight_decay([weight for weight in weights if id(weight) not in decaying])
    made.build(weights)
    return made
