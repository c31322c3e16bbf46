"""Check that a wheel holds exactly what it must: `python check_wheel.py dist/*.whl`.

The list of packages is written here a second time on purpose: a change of setup.cfg that drops
a package, or lets another one in, has to be made twice.
"""

import sys
import zipfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
FOLDERS = {  # in the checkout -> in the wheel
    "forecaster": "forecaster",
    "datasets": "forecaster/datasets",
    "custom_layers": "custom_layers",
}
SUFFIXES = {".py", ".csv", ".typed"}
NEVER_MISSING = {
    "forecaster/__init__.py",
    "forecaster/py.typed",
    "forecaster/datasets/__init__.py",
    "forecaster/datasets/air_passengers.csv",
    "custom_layers/__init__.py",
}
ENTRY_POINT = "forecaster = forecaster.cli:main"


def expected_files() -> set[str]:
    """Every file of the packages, under the name it has in the wheel."""
    return NEVER_MISSING | {
        f"{target}/{path.relative_to(CHECKOUT / folder).as_posix()}"
        for folder, target in FOLDERS.items()
        for path in (CHECKOUT / folder).rglob("*")
        if path.suffix in SUFFIXES
    }


def complaints(wheel: zipfile.ZipFile) -> list[str]:
    """List what is wrong with the wheel, a line each."""
    metadata = {name for name in wheel.namelist() if name.split("/")[0].endswith(".dist-info")}
    found, expected = set(wheel.namelist()) - metadata, expected_files()
    lines = [f"missing: {name}" for name in sorted(expected - found)]
    lines += [f"does not belong: {name}" for name in sorted(found - expected)]
    if not any(name.endswith("/LICENSE") for name in metadata):
        lines.append("missing: LICENSE")
    entry_points = [name for name in metadata if name.endswith("/entry_points.txt")]
    if not any(ENTRY_POINT in wheel.read(name).decode() for name in entry_points):
        lines.append(f"missing: the entry point `{ENTRY_POINT}`")
    return lines


def main(path: str) -> None:
    """Report every complaint at once, and fail where there is one."""
    with zipfile.ZipFile(path) as wheel:
        found = complaints(wheel)
    if found:
        sys.exit("\n".join([path, *found]))
    print(f"{path} holds exactly what it must.")


if __name__ == "__main__":
    main(sys.argv[1])
