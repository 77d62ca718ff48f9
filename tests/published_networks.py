"""Networks as other packages have them, written as functions of a state dict under their names.

They are what the converters are held against: nothing here knows our names.
"""

import math

import torch
from torch.nn import functional as F


def noise(generator, *shape, scale=1.0):
    return torch.randn(*shape, generator=generator) * scale


# ---- efficientnet_pytorch: (repeats, kernel, stride, expansion, channels) of B4's stages

B4 = (
    (2, 3, 1, 1, 24), (4, 3, 2, 6, 32), (4, 5, 2, 6, 56), (6, 3, 2, 6, 112), (6, 5, 1, 6, 160),
    (8, 5, 2, 6, 272), (2, 3, 1, 6, 448),
)  # fmt: skip
EPS = 1e-3


def b4_blocks():
    """(kernel, stride, expansion, inputs, outputs) of each block."""
    inputs = 48
    for repeats, kernel, stride, expansion, channels in B4:
        for i in range(repeats):
            yield kernel, stride if i == 0 else 1, expansion, inputs, channels
            inputs = channels


def b4_state(prefix, head, seed=0):
    """Random tensors under efficientnet_pytorch's names."""
    g = torch.Generator().manual_seed(seed)
    state = {}

    def convolution(name, out, inputs, kernel, bias=False):
        scale = (inputs * kernel * kernel) ** -0.5
        state[f"{prefix}{name}.weight"] = noise(g, out, inputs, kernel, kernel, scale=scale)
        if bias:
            state[f"{prefix}{name}.bias"] = noise(g, out, scale=0.1)

    def norm(name, channels):
        state[f"{prefix}{name}.weight"] = 1 + noise(g, channels, scale=0.1)
        state[f"{prefix}{name}.bias"] = noise(g, channels, scale=0.1)
        state[f"{prefix}{name}.running_mean"] = noise(g, channels, scale=0.1)
        state[f"{prefix}{name}.running_var"] = 0.5 + noise(g, channels).square()
        state[f"{prefix}{name}.num_batches_tracked"] = torch.tensor(5)

    convolution("_conv_stem", 48, 3, 3)
    norm("_bn0", 48)
    for i, (kernel, _, expansion, inputs, outputs) in enumerate(b4_blocks()):
        block, wide = f"_blocks.{i}.", inputs * expansion
        if expansion != 1:
            convolution(block + "_expand_conv", wide, inputs, 1)
            norm(block + "_bn0", wide)
        convolution(block + "_depthwise_conv", wide, 1, kernel)
        norm(block + "_bn1", wide)
        convolution(block + "_se_reduce", inputs // 4, wide, 1, bias=True)
        convolution(block + "_se_expand", wide, inputs // 4, 1, bias=True)
        convolution(block + "_project_conv", outputs, wide, 1)
        norm(block + "_bn2", outputs)
    convolution("_conv_head", 1792, 448, 1)
    norm("_bn1", 1792)
    state[f"{head}.weight"] = noise(g, 2, 1792, scale=0.03)
    state[f"{head}.bias"] = noise(g, 2)
    pictures = torch.rand(4, 3, 92, 92, generator=g)
    b4_two_logits(state, prefix, head, pictures, unpadded_stem=False, measure=True)
    return state


def b4_two_logits(state, prefix, head, images, *, unpadded_stem, measure=False):
    """(B, 3, H, W) -> (B, 2); paddings are fixed for 380 px, as in that package.

    `measure` sets the running statistics to those of the pictures, so that signals get through.
    """
    size = 380

    def convolve(x, name, stride=1, groups=1):
        nonlocal size
        weight = state[f"{prefix}{name}.weight"]
        kernel = weight.shape[-1]
        after = math.ceil(size / stride)
        pad = max(0, (after - 1) * stride + kernel - size)
        size = after
        before = pad // 2
        if not (unpadded_stem and name == "_conv_stem"):
            x = F.pad(x, (before, pad - before, before, pad - before))
        return F.conv2d(x, weight, state.get(f"{prefix}{name}.bias"), stride, groups=groups)

    def norm(x, name):
        w, b, m, v = (
            state[f"{prefix}{name}.{n}"] for n in ("weight", "bias", "running_mean", "running_var")
        )
        if measure:
            m.copy_(x.mean(dim=(0, 2, 3)))
            v.copy_(x.var(dim=(0, 2, 3)) + 0.01)
        return F.batch_norm(x, m, v, w, b, eps=EPS)

    x = F.silu(norm(convolve(images, "_conv_stem", 2), "_bn0"))
    for i, (_, stride, expansion, inputs, outputs) in enumerate(b4_blocks()):
        block, start = f"_blocks.{i}.", x
        if expansion != 1:
            x = F.silu(norm(convolve(x, block + "_expand_conv"), block + "_bn0"))
        x = convolve(x, block + "_depthwise_conv", stride, groups=x.shape[1])
        x = F.silu(norm(x, block + "_bn1"))
        kept = size
        squeezed = F.adaptive_avg_pool2d(x, 1)
        squeezed = F.silu(convolve(squeezed, block + "_se_reduce"))
        x = torch.sigmoid(convolve(squeezed, block + "_se_expand")) * x
        size = kept
        x = norm(convolve(x, block + "_project_conv"), block + "_bn2")
        if stride == 1 and inputs == outputs:
            x = x + start
    x = F.silu(norm(convolve(x, "_conv_head"), "_bn1")).mean(dim=(2, 3))
    return F.linear(x, state[f"{head}.weight"], state[f"{head}.bias"])


# ---- transformers' CLIP vision model, with Effort's split attention


def clip_state(width, layers, patch, tokens, seed=0):
    """Random tensors under the names of Effort's files."""
    g = torch.Generator().manual_seed(seed)
    scale = width**-0.5
    state = {
        "backbone.embeddings.class_embedding": noise(g, width),
        "backbone.embeddings.patch_embedding.weight": noise(g, width, 3, patch, patch, scale=0.05),
        "backbone.embeddings.position_embedding.weight": noise(g, tokens + 1, width),
        "backbone.embeddings.position_ids": torch.arange(tokens + 1)[None],
        "head.weight": noise(g, 2, width),
        "head.bias": noise(g, 2),
    }

    def norm(name):
        state[f"backbone.{name}.weight"] = 1 + noise(g, width, scale=0.1)
        state[f"backbone.{name}.bias"] = noise(g, width, scale=0.1)

    norm("pre_layrnorm")
    norm("post_layernorm")
    for i in range(layers):
        layer = f"encoder.layers.{i}."
        norm(layer + "layer_norm1")
        norm(layer + "layer_norm2")
        for part in ("k_proj", "v_proj", "q_proj", "out_proj"):
            name = f"backbone.{layer}self_attn.{part}."
            state[name + "weight_main"] = noise(g, width, width, scale=scale)
            state[name + "bias"] = noise(g, width, scale=0.1)
            state[name + "S_residual"] = noise(g, 1)
            state[name + "U_residual"] = noise(g, width, 1, scale=scale)
            state[name + "V_residual"] = noise(g, 1, width, scale=scale)
        for part, out, inputs in (("fc1", 4 * width, width), ("fc2", width, 4 * width)):
            state[f"backbone.{layer}mlp.{part}.weight"] = noise(g, out, inputs, scale=scale)
            state[f"backbone.{layer}mlp.{part}.bias"] = noise(g, out, scale=0.1)
    return state


def clip_two_logits(state, images, heads, layers):
    """(B, 3, H, W) -> (B, 2)."""
    s = {k.removeprefix("backbone."): v for k, v in state.items()}
    patch = s["embeddings.patch_embedding.weight"]
    x = F.conv2d(images, patch, stride=patch.shape[-1]).flatten(2).transpose(1, 2)
    first = s["embeddings.class_embedding"].expand(len(x), 1, -1)
    x = torch.cat([first, x], dim=1) + s["embeddings.position_embedding.weight"]
    width = x.shape[-1]

    def norm(x, name):
        return F.layer_norm(x, (width,), s[name + ".weight"], s[name + ".bias"], 1e-5)

    x = norm(x, "pre_layrnorm")
    for i in range(layers):
        layer = f"encoder.layers.{i}."

        def project(x, part, layer=layer):
            name = f"{layer}self_attn.{part}."
            u, v = s[name + "U_residual"], s[name + "V_residual"]
            whole = s[name + "weight_main"] + u @ torch.diag(s[name + "S_residual"]) @ v
            return F.linear(x, whole, s[name + "bias"])

        def split(x):
            return x.reshape(len(x), -1, heads, width // heads).transpose(1, 2)

        y = norm(x, layer + "layer_norm1")
        q, k, v = (split(project(y, p)) for p in ("q_proj", "k_proj", "v_proj"))
        share = (q @ k.transpose(-1, -2) * (width // heads) ** -0.5).softmax(dim=-1)
        x = x + project((share @ v).transpose(1, 2).reshape(len(x), -1, width), "out_proj")
        y = norm(x, layer + "layer_norm2")
        y = F.linear(y, s[layer + "mlp.fc1.weight"], s[layer + "mlp.fc1.bias"])
        y = y * torch.sigmoid(1.702 * y)
        x = x + F.linear(y, s[layer + "mlp.fc2.weight"], s[layer + "mlp.fc2.bias"])
    return F.linear(norm(x[:, 0], "post_layernorm"), s["head.weight"], s["head.bias"])


# ---- the MesoNet authors' Keras networks: pictures and filters with the channels last

MESO4 = ((3, 3, 8), (5, 8, 8), (5, 8, 16), (5, 16, 16))  # kernel, inputs, outputs


def inception_shapes(inputs, outputs):
    a, b, c, d = outputs
    return [
        (1, inputs, a), (1, inputs, b), (3, b, b), (1, inputs, c), (3, c, c), (1, inputs, d), (3, d, d)
    ]  # fmt: skip


MESO_INCEPTION = (
    *inception_shapes(3, (1, 4, 4, 2)), *inception_shapes(11, (2, 4, 4, 2)), (5, 12, 16), (5, 16, 16)
)  # fmt: skip


def meso_layers(shapes, norms, seed=0):
    """Random variables by layer and name, in the order in which the layers are made."""
    g = torch.Generator().manual_seed(seed)
    layers = {}
    for i, (kernel, inputs, outputs) in enumerate(shapes, start=1):
        scale = (kernel * kernel * inputs) ** -0.5
        layers[f"conv2d_{i}"] = {
            "kernel:0": noise(g, kernel, kernel, inputs, outputs, scale=scale),
            "bias:0": noise(g, outputs, scale=0.1),
        }
    for i, channels in enumerate(norms, start=1):
        layers[f"batch_normalization_{i}"] = {
            "gamma:0": 1 + noise(g, channels, scale=0.1),
            "beta:0": noise(g, channels, scale=0.1),
            "moving_mean:0": noise(g, channels, scale=0.1),
            "moving_variance:0": 0.5 + noise(g, channels).square(),
        }
    for i, (inputs, outputs) in enumerate(((1024, 16), (16, 1)), start=1):
        layers[f"dense_{i}"] = {
            "kernel:0": noise(g, inputs, outputs, scale=inputs**-0.5),
            "bias:0": noise(g, outputs, scale=0.1),
        }
    return layers


def meso_real_probability(layers, images, *, inception):
    """(B, H, W, 3), values from 0 to 1 -> (B,) the probability of real."""
    made = iter([v for k, v in layers.items() if k.startswith("conv2d")])

    def convolve(x, dilation=1):
        layer = next(made)
        kernel = layer["kernel:0"].permute(3, 2, 0, 1)
        pad = dilation * (kernel.shape[-1] // 2)
        y = F.conv2d(x.permute(0, 3, 1, 2), kernel, padding=pad, dilation=dilation)
        return F.relu(y.permute(0, 2, 3, 1) + layer["bias:0"])

    def inception_layer(x):
        ways = [convolve(x)]
        for dilation in (1, 2, 3):
            ways.append(convolve(convolve(x), dilation))
        return torch.cat(ways, dim=-1)

    x = images
    for i in range(1, 5):
        x = inception_layer(x) if inception and i <= 2 else convolve(x)
        n = layers[f"batch_normalization_{i}"]
        x = (x - n["moving_mean:0"]) / torch.sqrt(n["moving_variance:0"] + 1e-3)
        x = x * n["gamma:0"] + n["beta:0"]
        step = 4 if i == 4 else 2
        batch, high, wide, channels = x.shape
        x = x.reshape(batch, high // step, step, wide // step, step, channels).amax(dim=(2, 4))
    x = x.flatten(1) @ layers["dense_1"]["kernel:0"] + layers["dense_1"]["bias:0"]
    x = torch.where(x > 0, x, 0.1 * x)
    return torch.sigmoid(x @ layers["dense_2"]["kernel:0"] + layers["dense_2"]["bias:0"])[:, 0]
