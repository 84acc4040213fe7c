"""Names and shapes of the published vox-256 checkpoint, listed apart from our networks."""

from __future__ import annotations

from reenact.fomm.network import FommConfig, GeneratorParams, KeypointParams, MotionParams

Shapes = dict[str, tuple[int, ...]]

VOX_256 = """
model_params:
  common_params:
    num_kp: 10
    num_channels: 3
    estimate_jacobian: True
  kp_detector_params:
     temperature: 0.1
     block_expansion: 32
     max_features: 1024
     scale_factor: 0.25
     num_blocks: 5
  generator_params:
    block_expansion: 64
    max_features: 512
    num_down_blocks: 2
    num_bottleneck_blocks: 6
    estimate_occlusion_map: True
    dense_motion_params:
      block_expansion: 64
      max_features: 1024
      num_blocks: 5
      scale_factor: 0.25
  discriminator_params:
    scales: [1]
    block_expansion: 32
    max_features: 512
    num_blocks: 4
    sn: True
"""


def small_config() -> FommConfig:
    """The same networks, narrow."""
    return FommConfig(3, KeypointParams(4, 8, 2), GeneratorParams(4, 16, 2, 1, MotionParams(4, 8, 2)))


def convolution(name: str, inputs: int, outputs: int, kernel: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs, kernel, kernel), f"{name}.bias": (outputs,)}


def norm(name: str, channels: int) -> Shapes:
    parts = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{part}": (channels,) for part in parts} | {f"{name}.num_batches_tracked": ()}


def block(name: str, inputs: int, outputs: int, kernel: int = 3) -> Shapes:
    return convolution(f"{name}.conv", inputs, outputs, kernel) | norm(f"{name}.norm", outputs)


def blocks(name: str, channels: list[tuple[int, int]]) -> Shapes:
    return {
        key: shape
        for index, (inputs, outputs) in enumerate(channels)
        for key, shape in block(f"{name}.{index}", inputs, outputs).items()
    }


def detector() -> Shapes:
    downs = [(3, 64), (64, 128), (128, 256), (256, 512), (512, 1024)]
    ups = [(1024, 512), (1024, 256), (512, 128), (256, 64), (128, 32)]
    return (
        blocks("predictor.encoder.down_blocks", downs)
        | blocks("predictor.decoder.up_blocks", ups)
        | convolution("kp", 35, 10, 7)
        | convolution("jacobian", 35, 40, 7)
        | {"down.weight": (3, 1, 13, 13)}
    )


def generator() -> Shapes:
    motion = "dense_motion_network"
    downs = [(44, 128), (128, 256), (256, 512), (512, 1024), (1024, 1024)]
    ups = [(1024, 1024), (2048, 512), (1024, 256), (512, 128), (256, 64)]
    shapes = (
        blocks(f"{motion}.hourglass.encoder.down_blocks", downs)
        | blocks(f"{motion}.hourglass.decoder.up_blocks", ups)
        | convolution(f"{motion}.mask", 108, 11, 7)
        | convolution(f"{motion}.occlusion", 108, 1, 7)
        | {f"{motion}.down.weight": (3, 1, 13, 13)}
        | block("first", 3, 64, 7)
        | blocks("down_blocks", [(64, 128), (128, 256)])
        | blocks("up_blocks", [(256, 128), (128, 64)])
        | convolution("final", 64, 3, 7)
    )
    for index in range(6):
        for part in (1, 2):
            shapes |= convolution(f"bottleneck.r{index}.conv{part}", 256, 256, 3)
            shapes |= norm(f"bottleneck.r{index}.norm{part}", 256)
    return shapes
