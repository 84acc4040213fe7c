"""From trained networks to ONNX graphs, each checked against torch."""
