"""Data for training and evaluation: a bundled set, a catalog of downloads, synthetic tasks.

Who owns what:

- `loading.py`: the public calls;
- `catalog.py`: which datasets there are and how each is described, as data;
- `files.py`: how a file is obtained (bundled, in a local directory, in the cache, downloaded);
- `local.py`: how a file is recognised by its content, whatever its name and packing;
- `readers.py`: how the content of a file becomes a frame;
- `long_lag.py`: seeded tasks that need a long memory or a sense of time, as arrays; of these,
  `reber.py` owns the embedded Reber grammar, and `sequences.py` the form of all.

Nothing here imports TensorFlow, and nothing here imports the rest of the project.
"""

from . import long_lag
from .files import DatasetUnavailable
from .loading import list_datasets, load_dataset

__all__ = ["DatasetUnavailable", "list_datasets", "load_dataset", "long_lag"]
