"""From bodies to MR slices and volumes: contrast, variation and acquisition as tensor code."""

from osteon.synthesis.scanner.prepared import PreparedBody
from osteon.synthesis.scanner.protocol import PROTOCOLS, Protocol
from osteon.synthesis.scanner.scan_geometry import ScanGeometry
from osteon.synthesis.scanner.settings import GeneratorSettings
from osteon.synthesis.scanner.slices import SliceGenerator
from osteon.synthesis.scanner.volume import scan_of

__all__ = [
    "PROTOCOLS",
    "GeneratorSettings",
    "PreparedBody",
    "Protocol",
    "ScanGeometry",
    "SliceGenerator",
    "scan_of",
]
