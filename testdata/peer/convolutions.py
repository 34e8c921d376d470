"""Times PyTorch's convolutions with their gradients on one core, at the shapes of BenchmarkConvolution in nn/cpu, in processor time."""
import time

import torch
from torch import nn

torch.set_num_threads(1)
for name, shape, out, settings in (
        ("28x28 1 to 32", (64, 1, 28, 28), 32, dict(kernel_size=3, padding=1)),
        ("14x14 32 to 64 stride 2", (64, 32, 28, 28), 64, dict(kernel_size=3, padding=1, stride=2)),
        ("14x14 64 to 64", (64, 64, 14, 14), 64, dict(kernel_size=3, padding=1)),
        ("128 64 to 64 dilation 4", (64, 64, 1, 128), 64, dict(kernel_size=(1, 3), padding=(0, 4), dilation=(1, 4)))):
    best = {}
    for layout in (torch.contiguous_format, torch.channels_last):
        conv = nn.Conv2d(shape[1], out, bias=False, **settings).to(memory_format=layout)
        x = torch.randn(shape).to(memory_format=layout).requires_grad_(shape[1] > 1)  # that of a picture is never needed
        dy = torch.randn_like(conv(x))
        for backward in (False, True):
            times = []
            for _ in range(30):
                conv.weight.grad = x.grad = None
                began = time.process_time()
                y = conv(x)
                if backward:
                    y.backward(dy)
                times.append(time.process_time() - began)
            best[layout, backward] = min(times)
    print(name, *(f"{'forward and backward' if backward else 'forward'} {1e3 * min(t for (_, b), t in best.items() if b == backward):.2f} ms"
                  f" ({', '.join(f'{1e3 * t:.2f}' for (_, b), t in best.items() if b == backward)})" for backward in (False, True)), sep=", ")
