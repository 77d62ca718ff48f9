"""Exactly the frames that were asked for, upright and in the right colours."""

import struct
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests_support import *  # placeholder
