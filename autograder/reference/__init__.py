"""What is right: one module per lesson, on PyTorch's fused operators, on any device."""
