"""Export of trained networks to ONNX graphs, each checked against torch."""
