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
        weight, bias = (tf.convert_to_tensor(part) for part in (self.weight.value, self.bias.value))
        y = _taps(self.kernel, self.dilation)(padded, weight, bias)
        return tf.ensure_shape(y, [*x.shape[:-1], weight.shape[1]]), padded[steps:]


def _taps(kernel: int, dilation: int):
    """Return the sum over taps j of padded[j * dilation :][:T] @ W[j], plus a bias, as a function.

    Its gradient is its own: TensorFlow's of a slice is a copy with zeros around it for every tap, here there is one.
    """

    @tf.custom_gradient
    def convolve(padded, weight, bias):
        length, size = tf.shape(padded)[0], tf.shape(padded)[1]
        begins, rows = [j * dilation * size for j in range(kernel)], (length - (kernel - 1) * dilation) * size
        flat, taps = tf.reshape(padded, [-1, padded.shape[2]]), tf.split(weight, kernel)
        parts = [tf.matmul(flat[b : b + rows], tap) for b, tap in zip(begins, taps, strict=True)]
        y = tf.nn.bias_add(tf.add_n(parts), bias)

        def gradient(of_y):
            of_y = tf.reshape(of_y, [-1, weight.shape[1]])
            of_weight = [tf.matmul(flat[b : b + rows], of_y, transpose_a=True) for b in begins]
            wide = tf.pad(of_y, [[begins[-1], begins[-1]], [0, 0]])
            read = [wide[b : b + length * size] for b in reversed(begins)]
            parts = [tf.matmul(part, tap, transpose_b=True) for part, tap in zip(read, taps, strict=True)]
            of_padded = tf.reshape(tf.add_n(parts), tf.shape(padded))
            return of_padded, tf.concat(of_weight, axis=0), tf.reduce_sum(of_y, axis=0)

        return tf.reshape(y, [-1, size, weight.shape[1]]), gradient

    return convolve


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
