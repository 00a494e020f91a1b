"""Answers have exactly the fields of KICC's published examples, in the full shape (S5)."""

import json
from pathlib import Path
from typing import Any

import pytest

from simulator_merchant import Merchant

EXAMPLES = Path(__file__).parents[1] / "providers" / "kicc" / "examples"
