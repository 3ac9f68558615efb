"""Encoders and bridges as ONNX graphs."""
