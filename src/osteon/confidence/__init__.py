"""Confidence: the Dice that is to be expected of each structure, and reasons to look at it.

`osteon.confidence.fitting` calibrates, on scans of `osteon.confidence.failures`; they load with what makes scans.
"""

from osteon.confidence.calibration import Calibration
from osteon.confidence.evidence import Evidence, evidence_of
from osteon.confidence.judgement import Judgement, case_dice, judge, judge_evidence, warning_of, with_expected_dice

__all__ = [
    "Calibration",
    "Evidence",
    "Judgement",
    "case_dice",
    "evidence_of",
    "judge",
    "judge_evidence",
    "warning_of",
    "with_expected_dice",
]
