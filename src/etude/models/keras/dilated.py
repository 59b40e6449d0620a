"""Linear maps and dilated causal convolutions in Keras. Equations: `etude.models.sequence.dilated`."""

from __future__ import annotations

from etude.models.keras.weights import Weights, of
from etude.training.keras.framework import tf


class Linear(Weights):
    """y = x @ weight + bias: a convolution of width 1."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.weight, self.bias = self.new(inputs, outputs), self.new(outputs)

    def call(self, x):
        """Return Float[..., outputs] of x Float[..., inputs]."""
        return affine(x, self.weight.value, self.bias.value)

    def views(self):
        """Return weight and bias, by name."""
        return of(weight=self.weight, bias=self.bias)


class CausalConvolution(Linear):
    """A dilated causal convolution over (T, n, channels): time comes first, so that a tap reads one block of memory."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int):
        super().__init__(kernel * inputs, outputs)
        self.inputs, self.kernel, self.dilation = inputs, kernel, dilation

    def spec(self):
        """Return what the convolution remembers: its last inputs, Float[(kernel - 1) * dilation, n, inputs]."""
        return tf.TensorSpec([(self.kernel - 1) * self.dilation, None, self.inputs], self.variable_dtype)

    def call(self, x, before):
        """Return Float[T, n, outputs] of x Float[T, n, inputs] after the inputs `before`, and those the next needs."""
        padded, steps = tf.concat([before, x], axis=0), tf.shape(x)[0]
        read = [padded[j * self.dilation : j * self.dilation + steps] for j in range(self.kernel)]
        y = affine(tf.concat(read, axis=-1), self.weight.value, self.bias.value)
        return y, padded[steps:]


def affine(x, weight, bias):
    """Return x @ weight + bias for x Float[..., inputs], one matrix product."""
    shape = tf.concat([tf.shape(x)[:-1], [weight.shape[1]]], axis=0)
    y = tf.nn.bias_add(tf.matmul(tf.reshape(x, [-1, weight.shape[0]]), weight), bias)
    return tf.ensure_shape(tf.reshape(y, shape), [*x.shape[:-1], weight.shape[1]])


def product(x, weight):
    """Return x @ weight for x Float[..., inputs], one matrix product."""
    shape = tf.concat([tf.shape(x)[:-1], [weight.shape[1]]], axis=0)
    y = tf.reshape(tf.matmul(tf.reshape(x, [-1, weight.shape[0]]), weight), shape)
    return tf.ensure_shape(y, [*x.shape[:-1], weight.shape[1]])
