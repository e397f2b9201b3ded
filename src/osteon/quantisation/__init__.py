"""Networks in eight bits: made, held against the network as it is, and used only if they are as good."""

from osteon.quantisation.gate import Gate, Verdict
from osteon.quantisation.quantise import quantise

__all__ = ["Gate", "Verdict", "quantise"]
