"""Pytest plugin, `-p tests.helpers.block_tensorflow`: tests run where TensorFlow is not importable.

The tests of data, inputs and evaluation need neither TensorFlow nor Keras, but for those in files
called `test_*_tensorflow.py` and in `NEED_TENSORFLOW`. The plugin leaves out these files, and these
alone. It makes every import of TensorFlow or Keras fail, and checks after the last test that
nothing of them is loaded.
"""

import sys

import pytest

BLOCKED = ("tensorflow", "keras")
# Named after modules that import TensorFlow themselves.
NEED_TENSORFLOW = ("tests/forecaster/inputs/test_batches.py",)

for _name in BLOCKED:
    sys.modules[_name] = None  # `import` raises ModuleNotFoundError


def pytest_ignore_collect(collection_path):
    """Leave out the files whose tests need TensorFlow."""
    patterns = ("test_*_tensorflow.py", *NEED_TENSORFLOW)
    return True if any(map(collection_path.match, patterns)) else None


def pytest_runtest_teardown(nextitem):
    """Fail after the last test if a part of TensorFlow or Keras was loaded."""
    if nextitem is None and (loaded := loaded_modules()):
        pytest.fail(f"Loaded although they are blocked: {', '.join(loaded)}.", pytrace=False)


def loaded_modules():
    """The modules of TensorFlow and Keras that are loaded, by name."""
    names = [name for name, module in sys.modules.items() if module is not None]
    return sorted(name for name in names if name.startswith(BLOCKED))
