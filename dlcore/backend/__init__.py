"""How NumPy is made fast, and nothing of deep learning.

    blas      which of OpenBLAS's kernels multiply, and how long its threads wait
    memory    freed memory is kept for the next array
    arrays    new arrays where another one lives, in row-major order
    blocks    work in blocks that fit the cache, shared by threads
    sums      sums as products with a vector of ones
    normal    the normal distribution's function and density
    sliding   what a window sees as it slides over an image: views, no copies
    winograd  3 x 3 convolution with fewer multiplications
    device    to a GPU and back

The only room in which a trick may stand without a formula: the files next door say what is computed,
these say how it takes less time. Nothing here knows a Tensor.
"""
