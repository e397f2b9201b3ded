"""The scripts in ``recipes/`` as modules, for their tests."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def recipe_module(name: str) -> ModuleType:
    """``recipes/<name>.py``, imported."""
    path = Path(__file__).parents[1] / "recipes" / f"{name}.py"
    described = importlib.util.spec_from_file_location(f"{name}_recipe", path)
    assert described is not None
    assert described.loader is not None
    module = importlib.util.module_from_spec(described)
    sys.modules[described.name] = module  # where dataclasses look for the names in annotations
    described.loader.exec_module(module)
    return module
