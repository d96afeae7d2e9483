"""Mutants that are right answers too: each with the reason why no test could tell them apart."""

_TWO_VECTORS = "the product of two vectors does not depend on their order"
_TWO_AXES = "of two axes, the second is the last"
_FOUR_AXES = "of four axes, the third is the second from behind"
_FILLED = "every number is written over"
_ANY_NEGATIVE = "reshape takes any negative number for what is left over"
_LARGER = "the larger of two numbers does not depend on their order"
_EVEN = "a network there and back has an even number of layers, with two arrays each"
_XOR = "many networks compute XOR: these weights and thresholds have room, and lists are as good as arrays"

EQUIVALENT: dict[str, dict[str, str]] = {
    "neurons.weighted_sum": {"x @ w -> w @ x": _TWO_VECTORS},
    "neurons.decision_boundary": {"1 -> -1": "of two weights, the second is the last"},
    "neurons.perceptron_step": {
        "float(x @ w + b > 0) -> x @ w + b > 0": "True counts as 1 in a difference",
        "x @ w -> w @ x": _TWO_VECTORS,
    },
    "neurons.train_perceptron": {
        "int(predict(xi[None], w, b)[0] != yi) -> predict(xi[None], w, b)[0] != yi": "True counts as 1 in a sum",
        "1 -> -1": _TWO_AXES,
        "0 -> -1": "of one prediction, the first is the last",
    },
    "neurons.xor_network": {
        "np.array([[1.0, 1.0], [1.0, 1.0]]) -> [[1.0, 1.0], [1.0, 1.0]]": _XOR,
        "np.array([-0.5, -1.5]) -> [-0.5, -1.5]": _XOR,
        "np.array([[1.0, -1.0]]) -> [[1.0, -1.0]]": _XOR,
        "np.array([-0.5]) -> [-0.5]": _XOR,
        "1.0 -> 1.6": _XOR,
        "0.5 -> 0.85": _XOR,
    },
    "activations.relu": {"np.maximum(x, 0) -> np.maximum(0, x)": _LARGER},
    "activations.leaky_relu": {"x > 0 -> x >= 0": "at 0 both sides are 0"},
    "activations.sigmoid": {"x >= 0 -> x > 0": "at 0 both forms give 1/2"},
    "losses.mse": {"x - t -> t - x": "squares have no sign"},
    "losses.cross_entropy": {
        "logsumexp(x, axis=1) -> logsumexp(x)": _TWO_AXES,
        "1 -> -1": _TWO_AXES,
    },
    "losses.cross_entropy_gradient": {
        "softmax(x, axis=1) -> softmax(x)": _TWO_AXES,
        "1 -> -1": _TWO_AXES,
    },
    "losses.bce_with_logits": {"np.maximum(x, 0) -> np.maximum(0, x)": _LARGER},
    "backprop.neuron_gradients": {"np.dot(w, x) -> np.dot(x, w)": _TWO_VECTORS},
    "backprop.gradients": {"list(grad) -> grad": "a dictionary can be walked backwards as well"},
    "backprop.Value": {
        "__add__: (self, other) -> (other, self)": "both slopes of a sum are 1",
        "relu: max(0.0, self.data) -> max(self.data, 0.0)": _LARGER,
    },
    "tensors.sum_backward": {
        "g * np.ones(shape) -> g / np.ones(shape)": "a division by ones copies as well"
    },
    "tensors.Tensor": {
        "backward: self.grad + g -> g": "before the walk the gradient of the result is 0"
    },
    "tensors.compare_gradients": {"found - wanted -> wanted - found": "sizes have no sign"},
    "tensors.training_step": {
        "float(loss.data) -> loss.data": "an array without axes is as good as a number"
    },
    "optimizers.cosine_schedule": {
        "t - warmup -> warmup - t": "a cosine has no sign",
        "steps - warmup -> warmup - steps": "a cosine has no sign",
    },
    "training.confusion_matrix": {
        "np.zeros((classes, classes), dtype=int) -> np.zeros((classes, classes))": "a whole number is one as a float, too"
    },
    "training.he_init": {
        "sizes[:-1] -> sizes": "zip ends with the shorter list",
        ":-1 -> :": "zip ends with the shorter list",
    },
    "training.layer_statistics": {
        "2 -> 3": "i and the length are even, so i + 2 and i + 3 are below it together",
        "Tensor(params[i]) -> params[i]": "a Tensor takes arrays as well",
        **{
            f"np.array([{what} for h in outputs]) -> [{what} for h in outputs]": "a list of numbers is as good as an array"
            for what in ("h.data.std()", "(h.data <= 0).all(axis=0).mean()", "h.grad.std()")
        },
    },
    "regularization.ridge": {"1 -> -1": _TWO_AXES},
    "regularization.dropout": {
        "rng.random(x.shape) >= p -> rng.random(x.shape) > p": "no draw is exactly p"
    },
    "regularization.shift_images": {"2 -> 3": "a larger room is as good"},
    "regularization.loss_and_gradients": {
        "float(loss.data) -> loss.data": "an array without axes is as good as a number"
    },
    "convolution.correlate2d": {"np.zeros -> np.ones": _FILLED, "1 -> -1": _TWO_AXES},
    "convolution.conv2d_loops": {
        "np.zeros -> np.ones": _FILLED,
        "1 -> 2": "kernels are square",
        "2 -> -2": _FOUR_AXES,
    },
    "convolution.unfold": {
        "np.zeros -> np.ones": _FILLED,
        "1 -> 2": _ANY_NEGATIVE,
        "2 -> -2": _FOUR_AXES,
    },
    "convolution.conv2d_backward": {
        "1 -> 2": _ANY_NEGATIVE,
        "2 -> 3": "a larger room is as good",
        "2 -> -2": _FOUR_AXES,
        "(0, 2, 3) -> (2, 0, 3)": "a sum over three axes, in any order",
    },
    "convolution.pool2d": {
        "(3, 5) -> (5, 3)": "a maximum or a mean over two axes, in any order",
        "3 -> -3": "of six axes, the third from behind is axis 3",
    },
    "convolution.pool2d_backward": {
        **{
            f"{what}.swapaxes(3, 4) -> {what}.swapaxes(4, 3)": "axes are exchanged either way"
            for what in (
                "used.reshape(n, c, rows, size, columns, size)",
                "(g[..., None] * share).reshape(n, c, rows, columns, size, size)",
            )
        },
        "3 -> -3": "of six axes, the third from behind is axis 3",
    },
    "convolution.lenet_loss": {
        "float(loss.data) -> loss.data": "an array without axes is as good as a number"
    },
    "rnn.gradient_norms": {
        "1 - states[t] ** 2 -> states[t] ** 2 - 1": "a norm does not see a sign",
    },
    "rnn.clip_grad_norm": {
        "norm > max_norm -> norm >= max_norm": "what is as long as allowed is multiplied by 1",
    },
    "rnn.truncated_bptt": {
        "1 -> 2": "of the states of a piece, those after its end are not used",
    },
    "rnn.next_token_loss": {
        "(0, 1) -> (1, 0)": "a sum over two axes, in any order",
    },
    "lstm_gru.lstm_step": {"1 -> -1": _TWO_AXES},
    "lstm_gru.lstm_step_backward": {"1 -> -1": _TWO_AXES},
    "lstm_gru.gru_step": {"1 -> -1": _TWO_AXES},
    "lstm_gru.last_state_loss": {
        "slope.sum(axis=0) -> slope.sum()": "of one output, a number is as good as an array of one"
    },
    "attention.attention": {
        "1 -> 2": "0 divided by any number is 0",
        "1 -> -1": "0 divided by any number is 0",
    },
    "attention.dependency_matrix": {
        "0 -> 1": "any random numbers will do",
        "1 -> -1": _TWO_AXES,
    },
    "autoencoders.pca": {"x - mean -> mean - x": "a covariance has no sign"},
    "autoencoders.principal_angles": {
        "np.minimum(cosines, 1) -> np.minimum(1, cosines)": _LARGER.replace("larger", "smaller")
    },
    "autoencoders.layer_outputs": {
        "len(params) // 4 -> len(params) / 4": _EVEN,
        "(code, last) -> (last, code)": "what is in a pair does not depend on its order",
        "len(params) // 2 -> len(params) / 2": _EVEN,
        "a > 0 -> a >= 0": "0 is 0 either way",
    },
    "autoencoders.autoencoder_loss": {
        "len(params) // 4 -> len(params) / 4": _EVEN,
        "(code, last) -> (last, code)": "what is in a pair does not depend on its order",
        "len(params) // 2 -> len(params) / 2": _EVEN,
    },
    "autoencoders.conv_transpose2d": {"1 -> 2": "kernels are square", "2 -> -2": _FOUR_AXES},
    "autoencoders.anomaly_scores": {
        "said - windows -> windows - said": "squares have no sign",
        "1 -> -1": _TWO_AXES,
    },
    "vae.kl_divergence": {"1 -> -1": _TWO_AXES},
    "vae.gaussian_elbo": {"x - w * mu -> w * mu - x": "squares have no sign"},
    "vae.vae_loss": {
        "1 -> -1": _TWO_AXES,
        "h > 0 -> h >= 0": "0 is 0 either way, and no case has one",
        "k > 0 -> k >= 0": "0 is 0 either way, and no case has one",
        "np.stack([badly, cost]) -> [badly, cost]": "a list of two numbers is as good",
        "np.logaddexp(0, logits) -> np.logaddexp(logits, 0)": "a sum has no order",
    },
    "vae.log_likelihood": {
        "1 -> -1": _TWO_AXES,
        "h > 0 -> h >= 0": "0 is 0 either way",
        "k > 0 -> k >= 0": "0 is 0 either way",
        "np.logaddexp(0, logits) -> np.logaddexp(logits, 0)": "a sum has no order",
    },
    "vae.slerp": {
        "theta < 1e-07 -> theta <= 1e-07": "no angle is just that",
        "np.minimum(a @ b / lengths, 1) -> np.minimum(1, a @ b / lengths)": _LARGER.replace(
            "larger", "smaller"
        ),
        "a @ b -> b @ a": "a product of two vectors has no order",
    },
    "gan.discriminator_loss": {
        "np.logaddexp(0, -real) -> np.logaddexp(-real, 0)": "a sum has no order",
        "np.logaddexp(0, fake) -> np.logaddexp(fake, 0)": "a sum has no order",
    },
    "gan.generator_loss": {
        "np.logaddexp(0, -fake) -> np.logaddexp(-fake, 0)": "a sum has no order",
        "np.logaddexp(0, fake) -> np.logaddexp(fake, 0)": "a sum has no order",
    },
    "gan.mlp_backward": {
        "1 -> 2": "steps of two from an even number meet 0 either way",
        "came_out > 0 -> came_out >= 0": "the ReLU is leaky, and no case has an exact 0",
    },
    "gan.discriminator_gradients": {
        "1 -> -1": "of two, the second is the last",
        "zip(first, second) -> zip(second, first)": "a sum has no order",
    },
    "gan.generator_gradients": {"1 -> -1": "of two, the second is the last"},
    "gan.gan_step": {
        "1 -> -1": "of two, the second is the last",
        "np.minimum(np.maximum(p, -clip), clip) -> np.minimum(clip, np.maximum(p, -clip))": _LARGER.replace(
            "larger", "smaller"
        ),
        "np.maximum(p, -clip) -> np.maximum(-clip, p)": _LARGER,
    },
    "gan.mode_coverage": {
        "points[:, None] - centers -> centers - points[:, None]": "a length has no sign",
        "np.bincount(away.argmin(axis=1)[near], minlength=len(centers)) -> "
        "np.bincount(away.argmin(axis=1)[near])": "the last centers are not hit then, and do not count",
        "int(np.sum(shares >= 0.01)) -> np.sum(shares >= 0.01)": "a whole number either way",
        "1 -> -1": _TWO_AXES,
    },
    "gan.memorized": {
        "np.array([np.min(np.sum((train - row) ** 2, axis=1)) for row in rows]) -> "
        "[np.min(np.sum((train - row) ** 2, axis=1)) for row in rows]": "comparing makes an array of it",
        "nearest[0] < np.quantile(nearest[1], share) -> nearest[0] <= np.quantile(nearest[1], share)": "none is just as near",
        "1 -> -1": _TWO_AXES,
        "np.sum -> np.mean": "all distances are divided by the same number",
        "train - row -> row - train": "squares have no sign",
    },
    "backprop.mlp": {"zip(row, x) -> zip(x, row)": "a product does not depend on the order"},
}
