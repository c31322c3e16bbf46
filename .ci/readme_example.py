"""Print the first Python example of a Markdown file: `python readme_example.py README.md`."""

import re
import sys
from pathlib import Path

FIRST_PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)


def main(path: str) -> None:
    """Print the first ```python block of the file, and fail where it has none."""
    example = FIRST_PYTHON_BLOCK.search(Path(path).read_text(encoding="utf-8"))
    if example is None:
        sys.exit(f"{path} holds no ```python block.")
    print(example[1])


if __name__ == "__main__":
    main(sys.argv[1])
