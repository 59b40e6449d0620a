"""Fitting a Keras network with `keras.Model.fit`: the loop, the graph of a step and the callbacks are Keras's.

One epoch is `valid_every` optimiser steps and ends with a score of the validation pieces; the checkpoint is written
right after it, and an interrupted fit continues at that border. Optimiser and learning rate:
`etude.training.schedule`. A step is one graph, traced once: what may change from step to step has no fixed size.

`ETUDE_THREADS` bounds the threads. On one machine with one thread count, same task, same numbers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from etude.training.fitting import fitted, train_bits, valid_bits
from etude.training.keras import surroundings
from etude.training.keras.averaging import Averaging
from etude.training.keras.checkpoints import Arrays, gathered, last_state, numbered, record_state, write_checkpoint
from etude.training.keras.framework import keras, tf
from etude.training.keras.noise import Noise
from etude.training.keras.optimizer import optimizer
from etude.training.record import Record
from etude.training.task import Task, step_seed
from etude.types import History

REVISION = 1  # raised where a change of the engine changes what fits give


def fit(network, task: Task, checkpoint: Path | None = None) -> History:
    """Fit `network` to `task`; it ends with the best weights by validation bits.

    Parameters
    ----------
    network : Layer
        With `loss(batch, noise)`: the mean nats per step of a batch of tensors, as a scalar tensor, or where `counted`
        is False a number whose gradient alone means something; `decaying()`: the variables that weight decay is for;
        `varying`: the axes of a batch's arrays whose sizes may change.
    task, checkpoint
        See `etude.training.fitting.fitted`, as for what it raises.
    """

    def go_on(record: Record, path: Path | None, held: tuple[Arrays, dict] | None) -> None:
        with surroundings.of_a_fit():
            course = Course(network, task, record, path)
            if held is not None:
                course.restore(held[0])
            course.run()

    record = fitted(task, checkpoint, last_state, record_state, go_on)
    _assign(network.variables, record.best)
    return record.history()


class Learner(keras.Model):
    """A network as Keras trains it: one graph from a batch to new weights."""

    kind = tuple  # of a batch

    def __init__(self, network):
        super().__init__()
        self.network, self.built = network, True

    def train_step(self, data):
        """Return the loss of a step's seed and batch, with the weights before the step."""
        seed, *batch = data
        weights = self.network.trainable_variables
        with tf.GradientTape() as tape:
            loss = self.network.loss(self.kind(*batch), Noise(seed))
        gradients = tape.gradient(loss, [weight.value for weight in weights])
        learning = [(g, weight) for g, weight in zip(gradients, weights, strict=True) if g is not None]
        self.optimizer.apply([tf.convert_to_tensor(g) for g, _ in learning], [weight for _, weight in learning])
        return {"loss": loss}


class Course(keras.callbacks.Callback):
    """Walks a task, tells a `Record` what happens, scores and stops at every border, and writes the checkpoint."""

    def __init__(self, network, task: Task, record: Record, path: Path | None):
        super().__init__()
        self.network, self.task, self.record, self.path = network, task, record, path
        self.done, self.learnt, self.error = 0, [], None
        self.averaging = Averaging(network, task.budget.average)
        self.learner = Learner(network)
        # by default Keras has XLA compile: anew for every shape, and for a recurrent step that takes twice as long
        self.learner.compile(optimizer=optimizer(network, task.budget), jit_compile=False)

    def run(self) -> None:
        """Go on to the end of the budget, or to where patience ends."""
        budget, first = self.task.budget, self.task.batch(self.done)
        self.learner.kind = type(first)
        self.record.begin(self.done)
        try:
            self.learner.fit(
                _batches(lambda: self._upcoming(first), first, self.network.varying),
                steps_per_epoch=budget.valid_every,
                initial_epoch=self.done // budget.valid_every,
                epochs=-(-budget.steps // budget.valid_every),
                callbacks=[self.averaging, self],
                verbose=0,
            )
        finally:
            self.record.close()
        if self.error is not None:
            raise self.error

    def _upcoming(self, first: tuple):
        """Yield the seed and the batch of every step that is left.

        TensorFlow calls this, and would make an error of its own out of any: it is kept, and raised by `run`.
        """
        begin = self.done
        try:
            for step in range(begin, self.task.budget.steps):
                batch = first if step == begin else self.task.batch(step)
                yield np.int64(step_seed(self.task.seed, step)), *batch
        except GeneratorExit:
            raise
        except BaseException as error:
            self.error = error

    def on_train_batch_end(self, batch, logs=None):
        """Count a step."""
        self.learnt.append(logs["loss"])
        self.record.advance()

    def on_epoch_end(self, epoch, logs=None):
        """Score the validation pieces, keep the best weights, and write the checkpoint."""
        if self.error is not None:
            self.learner.stop_training = True
            return
        self.done += len(self.learnt)
        train, self.learnt = train_bits(float(np.mean(self.learnt)), self.network.counted), []
        with self.averaging.in_place():
            valid = valid_bits(map(self.task.score, self.task.valid))
            stopped = self._impatient(valid)
            self.record.scored(self.done, train, valid, lambda: _arrays(self.network.variables), stopped)
        self.learner.stop_training = self.record.finished
        if self.path is not None:
            write_checkpoint(self.path, *self._state())

    def _impatient(self, valid: float | None) -> bool:
        """Say whether this score and those before it, `patience` of them, were no better than an earlier one."""
        patience, scores = self.task.budget.patience, [*(row["valid"] for row in self.record.rows), valid]
        return patience is not None and valid is not None and len(scores) - 1 - int(np.argmin(scores)) >= patience

    def _state(self) -> tuple[dict[str, np.ndarray], dict]:
        state = self.record.state
        arrays = {
            **gathered("weight", _arrays(self.network.variables)),
            **gathered("optimizer", _arrays(self.learner.optimizer.variables)),
            **gathered("average", self.averaging.arrays()),
            **gathered("best", state.pop("best")),
        }
        return arrays, {"record": state}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take on the state of a checkpoint."""
        self.done = self.record.rows[-1]["step"]
        _assign(self.network.variables, numbered("weight", arrays))
        _assign(self.learner.optimizer.variables, numbered("optimizer", arrays))
        self.averaging.restore(self.done, numbered("average", arrays))


def _batches(upcoming, sample: tuple, varying: tuple[int, ...]) -> tf.data.Dataset:
    """Return what `upcoming` yields as a data set, made ready while the step before is computed."""
    shapes = [[None if axis in varying else size for axis, size in enumerate(part.shape)] for part in sample]
    specs = [tf.TensorSpec(shape, part.dtype) for shape, part in zip(shapes, sample, strict=True)]
    signature = (tf.TensorSpec([], tf.int64), *specs)
    return tf.data.Dataset.from_generator(upcoming, output_signature=signature).prefetch(1)


def _arrays(variables: list) -> list[np.ndarray]:
    return [np.array(variable.numpy()) for variable in variables]


def _assign(variables: list, arrays: list[np.ndarray]) -> None:
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
