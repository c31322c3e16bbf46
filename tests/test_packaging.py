"""Imports go one way, and importing is cheap."""

import ast
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import forecaster

CHECKOUT = Path(__file__).resolve().parent.parent
FOLDERS = {  # package -> its folder in the checkout
    "custom_layers": CHECKOUT / "custom_layers",
    "forecaster.datasets": CHECKOUT / "datasets",
    "forecaster": CHECKOUT / "forecaster",
}
# The order of the packages in `forecaster`, lower first: a file imports only from lower packages.
# "" are the files beside the packages.
PACKAGES = [
    "utils",
    "data",
    "files",
    "evaluation",
    "inputs",
    "network",
    "training",
    "saving",
    "",
    "search",
    "cli",
]
# The files of each package, a line a level, lowest first: a file imports only from lower lines of
# its own package. Its `__init__` hands on what they hold, and none of them imports it.
LINES = {
    "custom_layers": [
        "gates arguments squashing docstrings signatures fast_scan",
        "weights recurrent fast_tensorflow linear_recurrence",
        "fused",
        "gated",
        # Every other file holds one idea and stands on the line above these.
    ],
    "forecaster.datasets": [
        "local readers sequences",
        "files reber",
        "catalog long_lag",
        "loading",
    ],
    "forecaster.utils": [
        "checks files locks processes progress warn",
        "deprecation executors fields",
        "schema",
    ],
    "forecaster.data": [
        "disk_arrays interop messages",
        "labels numbers ragged time_grid",
        "json_index times",
        "frame_checks",
        "covariates frequency hints time_kinds",
        "alignment columns series_table",
        "quality table_json table_parts writing",
        "concat future reading",
        "parquet",
    ],
    "forecaster.files": [
        "names settings",
        "clocks numbers sources",
        "separators times",
        "cells keys",
        "columns formats stacking",
        "table",
    ],
    "forecaster.evaluation": [
        "baselines metrics timeline",
        "plots",
        "backtest_result",
        "backtest",
        "folds",
    ],
    "forecaster.inputs": [
        "spec spreads units",
        "time_features windows",
        "batches covariate_coder",
    ],
    "forecaster.network": [
        "cells covariate_encoder guards heads normalization",
        "core",
        "recurrent",
        "model",
    ],
    "forecaster.training": [
        "execution losses optimizer settings validation",
        "callbacks convergence task",
        "loop",
    ],
    "forecaster.saving": [
        "time_checks",
        "schema serving",
        "manifest",
        "artifact",
    ],
    "forecaster": [
        "config estimator",
        "fitted",
        "engine",
        "forecaster",
        "__init__",
        "__main__",  # above all packages
    ],
    "forecaster.search": [
        "bayesian fold_task objective space",
        "oracles",
        "problem trial",
        "report tensorboard trial_store",
        "plots trial_runner",
        "progress",
        "search",
    ],
    "forecaster.cli": [
        "help messages terminal time_texts",
        "options",
        "common data_files demo",
        "backtest info plot search",
        "commands",
    ],
}
ONE_IDEA_A_FILE = "custom_layers"
MAY_USE = {
    "custom_layers": (),
    "forecaster.datasets": (),
    "forecaster": ("custom_layers", "forecaster.datasets"),
}
MAY_IMPORT_TENSORFLOW = ("fast_tensorflow", "fast_scan")  # of custom_layers
HEAVY = ("tensorflow", "keras", "sklearn", "matplotlib")  # what start-up must not load
LIGHT = ("forecaster", "forecaster.datasets", "forecaster.cli")


def module_names():
    """Every module of ours by its dotted name, with its file."""
    for root, folder in FOLDERS.items():
        for path in sorted(folder.rglob("*.py")):
            yield ".".join([root, *path.relative_to(folder).with_suffix("").parts]), path


MODULES = dict(module_names())


def root_of(name):
    """The installed package that a dotted name is of; None if it is not ours."""
    return max((root for root in FOLDERS if f"{name}.".startswith(f"{root}.")), key=len, default="")


def module_of(name):
    """The module that a dotted name, imported from somewhere, is or lies in."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        for module in (".".join(parts[:count]), ".".join([*parts[:count], "__init__"])):
            if module in MODULES:
                return module
    raise AssertionError(f"There is no module {name}.")


def place(module):
    """Where a module stands: its package's number, and its line in there; None if it has none."""
    package, _, stem = module.rpartition(".")
    lines = LINES.get(package)
    if lines is None:
        return None
    inner = (
        package.removeprefix("forecaster").lstrip(".") if root_of(module) == "forecaster" else ""
    )
    number = PACKAGES.index(inner)
    if module in ("forecaster.__init__", "forecaster.__main__"):
        number = len(PACKAGES)
    for line, stems in enumerate(lines):
        if stem in stems.split():
            return number, line
    if stem == "__init__":
        return number, len(lines) + 1
    return (number, len(lines)) if package == ONE_IDEA_A_FILE else None


def imported_names(module, source):
    """Every dotted name that a file imports, anywhere in it, relative ones made absolute.

    `from a import b` gives `a.b`: whether b is a module or a name in one is decided later.
    """
    package = module.rpartition(".")[0].split(".")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) + 1 - node.level] if node.level else []
            base = ".".join([*parents, *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def complaints(module, source):
    """What a file imports against the rules, a line each."""
    root = root_of(module)
    for name in imported_names(module, source):
        other = root_of(name)
        if not other:
            is_tensorflow = name.split(".")[0] == "tensorflow"
            stem = module.rpartition(".")[2]
            if is_tensorflow and root == "custom_layers" and stem not in MAY_IMPORT_TENSORFLOW:
                yield f"{name}: only {MAY_IMPORT_TENSORFLOW} may import TensorFlow"
        elif other == root:
            imported = module_of(name)
            if imported.rpartition(".")[0] == module and module.endswith("__init__"):
                continue
            if not place(imported) < place(module):
                yield f"{name}: {imported} does not stand below {module}"
        elif other not in MAY_USE[root]:
            yield f"{name}: {root} may not import from {other}"


@pytest.mark.parametrize("module", MODULES)
def test_a_file_imports_only_from_lower_packages_and_lines(module):
    assert place(module) is not None, f"Give {module} its line in LINES."
    source = MODULES[module].read_text(encoding="utf-8")
    assert list(complaints(module, source)) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("forecaster.datasets.local", "from .readers import read_m4"),  # an equal
        ("forecaster.datasets.readers", "def f():\n    from . import files"),  # above
        ("forecaster.datasets.files", "import forecaster.datasets.catalog"),
        ("forecaster.datasets.files", "from forecaster.datasets import load_dataset"),
        ("forecaster.datasets.files", "from ..inputs.spec import WindowSpec"),
        ("forecaster.datasets.files", "import custom_layers"),
        ("forecaster.inputs.windows", "from forecaster import Forecaster"),
        ("forecaster.inputs.windows", "from forecaster.network import recurrent"),
        ("forecaster.inputs.windows", "from forecaster.network import RecurrentNetwork"),
        ("forecaster.inputs.spec", "from forecaster.inputs import windows"),
        ("forecaster.evaluation.backtest", "from forecaster.engine import Engine"),
        ("forecaster.engine", "from forecaster.forecaster import Forecaster"),
        ("forecaster.search.trial", "from forecaster.search import ForecasterSearch"),
        ("forecaster.cli.commands", "import forecaster"),
        ("custom_layers.gated", "import forecaster"),
        ("custom_layers.gated", "import tensorflow as tf"),
        ("custom_layers.a_new_idea", "from tensorflow.raw_ops import BlockLSTM"),
        ("custom_layers.a_new_idea", "from custom_layers import attention"),
    ],
)
def test_the_rule_sees_what_breaks_it(module, source):
    assert len(list(complaints(module, source))) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("forecaster.datasets.files", "from .local import find_local\nfrom . import local"),
        ("forecaster.cli.commands", "from forecaster.datasets import load_dataset"),
        ("forecaster.network.model", "from ..inputs.spec import WindowSpec\nimport custom_layers"),
        ("forecaster.network.recurrent", "import tensorflow as tf\nimport keras"),
        ("forecaster.search.search", "from forecaster.forecaster import Forecaster"),
        ("custom_layers.fast_tensorflow", "import tensorflow as tf"),
    ],
)
def test_the_rule_lets_through_what_keeps_it(module, source):
    assert list(complaints(module, source)) == []


@pytest.mark.parametrize("package", ["data", "evaluation", "files"])
def test_frames_and_evaluation_know_no_keras(package, tmp_path):
    """Their modules import, and read and score a table, where TensorFlow cannot be imported."""
    modules = [name for name in MODULES if name.startswith(f"forecaster.{package}.")]
    code = (
        "import sys; sys.modules.update(tensorflow=None, keras=None, sklearn=None)\n"
        "import importlib, pandas as pd\n"
        f"for name in {[name.removesuffix('.__init__') for name in modules]}:\n"
        "    importlib.import_module(name)\n"
        "from forecaster.data.reading import read_frame\n"
        "days = pd.date_range('2024-01-01', periods=9)\n"
        "assert read_frame(pd.DataFrame({'y': range(9)}, days)).num_rows == 9\n"
    )
    assert modules
    subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, check=True)


@pytest.mark.parametrize("package", [package for package in PACKAGES if package])
def test_a_package_says_what_it_is_for(package):
    """What comes in, what goes out, and what it must not know."""
    source = MODULES[f"forecaster.{package}.__init__"].read_text(encoding="utf-8")
    words = " ".join(ast.get_docstring(ast.parse(source)).split())
    assert "In come" in words and ("Out go" in words or "Out come" in words)
    assert "Nothing here knows" in words or "No other package" in words


@pytest.mark.parametrize("module", LIGHT)
def test_importing_loads_nothing_heavy(module, tmp_path):
    code = f"import sys, {module}; print(*{{n.split('.')[0] for n in sys.modules}})"
    loaded = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,  # away from the checkout, where only what is installed can be imported
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert "forecaster" in loaded
    assert not {*HEAVY} & {*loaded}


def test_bundled_data_load_without_tensorflow(tmp_path):
    code = (
        "import sys; from forecaster.datasets import list_datasets, load_dataset\n"
        "load_dataset('air_passengers'), list_datasets()\n"
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, check=True)


def test_the_lazy_names_are_those_that_editors_read():
    tree = ast.parse(Path(forecaster.__file__).read_text(encoding="utf-8"))
    for_editors = {
        alias.name: node.module
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        for alias in node.names
    }
    assert for_editors == forecaster._MODULE_OF
    assert sorted(forecaster.__all__) == sorted(for_editors)
    assert {*forecaster.__all__, "__version__"} <= {*dir(forecaster)}


@pytest.mark.parametrize(("name", "module"), forecaster._MODULE_OF.items())
def test_every_lazy_name_is_defined_where_the_table_says(name, module):
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    kinds = ast.ClassDef | ast.FunctionDef
    assert name in {node.name for node in tree.body if isinstance(node, kinds)}


def test_the_package_knows_its_version_and_no_name_that_is_not_there():
    assert forecaster.__version__ == version("keras-forecaster")
    with pytest.raises(AttributeError, match=r"module 'forecaster' has no attribute 'Forcaster'"):
        forecaster.Forcaster  # noqa: B018 - the access is what is tested
