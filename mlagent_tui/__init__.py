"""mlagent: designs and trains neural networks with language models that run on this machine."""

__version__ = "0.1.0"
