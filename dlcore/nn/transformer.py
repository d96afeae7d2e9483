"""The transformer: layers of attention and a small network, each with a shortcut around it.

Paper: Vaswani et al. (2017), Attention is all you need, section 3.1; norms first as in
Xiong et al. (2020), On layer normalization in the transformer architecture.
"""

from __future__ import annotations

import copy
from typing import Any

from dlcore import activations
from dlcore.attention import KVCache
from dlcore.init import Rng, xavier_uniform_
from dlcore.nn.activation import Dropout
from dlcore.nn.attention import MultiheadAttention
from dlcore.nn.container import ModuleList, must_be_module
from dlcore.nn.linear import Linear
from dlcore.nn.module import Module
from dlcore.nn.normalization import LayerNorm
from dlcore.rng import generator
from dlcore.tensor import Tensor

_ACTIVATIONS = {"relu": activations.relu, "gelu": activations.gelu}


class _Layer(Module):
    """What encoder and decoder layers share: the small network and where the norms stand."""

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        rng: Rng = None,
    ) -> None:
        if activation not in _ACTIVATIONS:
            raise ValueError(f'{type(self).__name__}: choose "relu" or "gelu", not {activation!r}')
        rng = generator(rng)
        self.d_model, self.nhead, self.dim_feedforward = d_model, nhead, dim_feedforward
        self.activation, self.norm_first, self.batch_first = activation, norm_first, batch_first
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first, rng=rng)
        self.build_cross(rng)
        self.linear1 = Linear(d_model, dim_feedforward, bias, rng)
        self.linear2 = Linear(dim_feedforward, d_model, bias, rng)
        for k in range(1, self.norms + 1):
            setattr(self, f"norm{k}", LayerNorm(d_model, layer_norm_eps, bias=bias))
        self.dropout = Dropout(dropout)

    norms = 2

    def build_cross(self, rng: Any) -> None:
        """The decoder's second attention is made here, at its place in the order."""

    def around(self, x: Tensor, norm: Module, part: Any) -> Tensor:
        """x + part(norm(x)), or norm(x + part(x)) as in the first paper."""
        if self.norm_first:
            return x + self.dropout(part(norm(x)))
        return norm(x + self.dropout(part(x)))

    def mlp(self, x: Tensor) -> Tensor:
        """The same two layers at every position.  Shapes: (..., d_model) -> same."""
        return self.linear2(self.dropout(_ACTIVATIONS[self.activation](self.linear1(x))))


class TransformerEncoderLayer(_Layer):
    """Self-attention, then a small network.  Shapes: (T, N, d_model), or (N, T, d_model) -> same."""

    norm1: LayerNorm
    norm2: LayerNorm

    def forward(
        self,
        src: Tensor,
        src_mask: Any = None,
        src_key_padding_mask: Any = None,
        is_causal: bool = False,
        cache: KVCache | None = None,
    ) -> Tensor:
        def attend(x: Tensor) -> Tensor:
            return self.self_attn(
                x,
                x,
                x,
                src_key_padding_mask,
                False,
                src_mask,
                is_causal=is_causal and src_mask is None,
                cache=cache,
            )[0]

        src = self.around(src, self.norm1, attend)
        return self.around(src, self.norm2, self.mlp)


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to the encoder's output, then a small network.

    Shapes: tgt (T, N, d_model), memory (S, N, d_model), or batch first -> like tgt.
    """

    norms = 3
    norm1: LayerNorm
    norm2: LayerNorm
    norm3: LayerNorm

    def build_cross(self, rng: Any) -> None:
        own = self.self_attn
        self.multihead_attn = MultiheadAttention(
            own.embed_dim, own.num_heads, own.dropout, own.bias, own.batch_first, rng=rng
        )

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        cache: KVCache | None = None,
    ) -> Tensor:
        def attend(x: Tensor) -> Tensor:
            return self.self_attn(
                x,
                x,
                x,
                tgt_key_padding_mask,
                False,
                tgt_mask,
                is_causal=tgt_is_causal and tgt_mask is None,
                cache=cache,
            )[0]

        def look_back(x: Tensor) -> Tensor:
            return self.multihead_attn(
                x, memory, memory, memory_key_padding_mask, False, memory_mask
            )[0]

        tgt = self.around(tgt, self.norm1, attend)
        tgt = self.around(tgt, self.norm2, look_back)
        return self.around(tgt, self.norm3, self.mlp)


class TransformerEncoder(Module):
    """``num_layers`` copies of a layer, one after the other.  Shapes: as the layer -> same."""

    def __init__(self, encoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        self.num_layers = num_layers
        self.layers = ModuleList(copy.deepcopy(encoder_layer) for _ in range(num_layers))
        self.norm = None if norm is None else must_be_module(type(self).__name__, norm)

    def forward(
        self,
        src: Tensor,
        mask: Any = None,
        src_key_padding_mask: Any = None,
        is_causal: bool = False,
    ) -> Tensor:
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, is_causal)
        return src if self.norm is None else self.norm(src)


class TransformerDecoder(Module):
    """``num_layers`` copies of a layer, all looking at one memory.  Shapes: as the layer -> like tgt."""

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        self.num_layers = num_layers
        self.layers = ModuleList(copy.deepcopy(decoder_layer) for _ in range(num_layers))
        self.norm = None if norm is None else must_be_module(type(self).__name__, norm)

    def forward(self, tgt: Tensor, memory: Tensor, *masks: Any, **options: Any) -> Tensor:
        for layer in self.layers:
            tgt = layer(tgt, memory, *masks, **options)
        return tgt if self.norm is None else self.norm(tgt)


class Transformer(Module):
    """Encoder and decoder: read one sequence, write another.

    Shapes: src (S, N, d_model), tgt (T, N, d_model), or batch first -> like tgt.
    All matrices start with Xavier's uniform distribution.
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        rng: Rng = None,
    ) -> None:
        rng = generator(rng)
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        sizes = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps)
        options: Any = (*sizes, batch_first, norm_first, bias, rng)
        norm = lambda: LayerNorm(d_model, layer_norm_eps, bias=bias)
        self.encoder = TransformerEncoder(
            TransformerEncoderLayer(*options), num_encoder_layers, norm()
        )
        self.decoder = TransformerDecoder(
            TransformerDecoderLayer(*options), num_decoder_layers, norm()
        )
        for p in self.parameters():
            if p.ndim > 1:
                xavier_uniform_(p, rng=rng)

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Any = None,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        src_key_padding_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        src_is_causal: bool = False,
        tgt_is_causal: bool = False,
    ) -> Tensor:
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        return self.decoder(
            tgt,
            memory,
            tgt_mask,
            memory_mask,
            tgt_key_padding_mask,
            memory_key_padding_mask,
            tgt_is_causal,
        )
