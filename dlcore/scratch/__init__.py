"""What learners write: plain functions on arrays, by hand, one file a lesson.

    neurons         weighted sum, layer, decision boundary, perceptron          lesson 01
    activations     ReLU, sigmoid, GELU, softmax, two derivatives               lesson 02
    losses          squared error, cross-entropy from logits, their gradients   lesson 03
    backprop        Value: a scalar that remembers how it was computed          lesson 04
    tensors         vector-Jacobian products, and the smallest Tensor           lesson 05
    optimizers      SGD, momentum, RMSprop, AdamW, schedules                    lesson 06
    training        splits, standardization, mini-batches, the training loop    lesson 07
    debugging       five training scripts with one wrong line each              lesson 07
    regularization  L2, dropout, batch normalization, early stopping            lesson 08
    convolution     convolution and pooling, forward and backward, a LeNet      lesson 09
    rnn             a recurrent network, backpropagation through time           lesson 12
    lstm_gru        LSTM and GRU, a step and whole sequences                    lesson 13
    attention       masks, scaled dot-product and multi-head attention          lesson 14
    autoencoders    PCA, autoencoders, transposed convolution, ROC              lesson 17
    vae             KL divergence, the ELBO, reparameterization                 lesson 18
    gan             two losses, alternating steps, mode collapse                lesson 19

A file imports NumPy, ``data`` and files of earlier lessons, nothing else: it can be read alone. The library
next door (``dlcore.nn``, ``dlcore.optim`` ...) does the same for the tape, for more cases, and faster.

>>> from dlcore.scratch.activations import softmax  # lesson 2
"""
