from torch import nn


class ByName(nn.ModuleDict):
    """Modules by name, also by names that nn.ModuleDict refuses, such as "type"."""

    def add_module(self, name, module):
        self._modules[name] = module
