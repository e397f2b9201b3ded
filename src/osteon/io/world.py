"""The step from DICOM's and ITK's world to this one."""

from __future__ import annotations

import numpy as np

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""Left becomes right and posterior anterior; the same matrix leads back."""
