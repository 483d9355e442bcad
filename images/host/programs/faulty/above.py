"""The modules that the reference programs share; they are in the folder above, where Python does not look for them."""

import os
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import arguments as arguments
import common as common
import signals as signals
