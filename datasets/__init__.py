"""Real data to learn and to judge with: one small bundled set and a catalog of downloadable ones.

Who owns what:

- `loading.py`: the public calls;
- `catalog.py`: which datasets there are and how each is described, as data;
- `files.py`: how a file is had (bundled, found in a local directory, in the cache, downloaded);
- `local.py`: how a file is recognised by its content, whatever its name and packing;
- `readers.py`: how the content of a file becomes a frame.

Nothing here imports TensorFlow, and nothing here imports the rest of the project.
"""

from .files import DatasetUnavailable
from .loading import list_datasets, load_dataset

__all__ = ["DatasetUnavailable", "list_datasets", "load_dataset"]
