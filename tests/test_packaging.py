"""Imports go one way, and importing is cheap."""

import ast
import math
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
# The files of each package, a line a level, lowest first. A file imports only from lower lines of
# its own package, and from the packages that it may use. `__init__` stands above all others.
LEVELS = {
    "custom_layers": [
        "gates arguments squashing docstrings weights fast_scan",
        "recurrent fast_tensorflow linear_recurrence fused",
        "gated",
        # Every other file holds one idea and stands on the level above these.
    ],
    "forecaster.datasets": [
        "local readers long_lag",
        "files",
        "catalog",
        "loading",
    ],
    "forecaster": [
        "training.optimizer search.bayesian utils.checks utils.files utils.processes "
        "estimator data.time_grid data.disk_arrays data.interop",
        "data.ragged",
        "data.frame_checks data.json_index",
        "data.frequency data.covariates",
        "data.alignment data.columns data.series_table",
        "data.concat data.quality data.stacking "
        "inputs.time_features evaluation.metrics utils.executors",
        "data.reading",
        "inputs.windows network.heads evaluation.baselines "
        "evaluation.plots data.future data.parquet",
        "network.covariate_encoder network.recurrent training.validation "
        "training.callbacks evaluation.backtest_result",
        "inputs.covariate_coder network.model",
        "training.loop",
        "config plain",
        "fitted saving.serving",
        "saving.artifact evaluation.backtest",
        "evaluation.folds search.space forecaster search.oracles",
        "search.fold_task search.trial search.problem cli.options cli.terminal cli.data_files",
        "search.trial_runner search.report search.tensorboard utils.workers cli.common",
        "search.progress search.plots",
        "search.search",
        "cli.demo cli.search",
        "cli.commands",
        "__main__",
    ],
}
ONE_IDEA_A_FILE = "custom_layers"
MAY_USE = {
    "custom_layers": set(),
    "forecaster.datasets": set(),
    "forecaster": {"custom_layers", "forecaster.datasets"},
}
MAY_IMPORT_TENSORFLOW = ("fast_tensorflow", "fast_scan")  # of custom_layers
HEAVY = ("tensorflow", "keras", "sklearn", "matplotlib")  # what start-up must not load

MODULES = [
    (package, ".".join(path.relative_to(folder).with_suffix("").parts))
    for package, folder in FOLDERS.items()
    for path in sorted(folder.rglob("*.py"))
]
LIGHT = [
    name
    for name, file in {
        "forecaster": "forecaster/__init__.py",
        "forecaster.datasets": "datasets/__init__.py",
        "forecaster.cli": "forecaster/cli/__init__.py",
    }.items()
    if (CHECKOUT / file).exists()
]


def package_of(name):
    """The innermost of our packages that holds a dotted name, or None."""
    return max((p for p in FOLDERS if f"{name}.".startswith(f"{p}.")), key=len, default=None)


def level(package, module):
    """The level of a file of ours, None where the table does not know it."""
    if module.endswith("__init__"):  # of a package inside: it hands on what its files hold
        return math.inf if module == "__init__" else -1
    for number, names in enumerate(LEVELS[package]):
        if module in names.split():
            return number
    return len(LEVELS[package]) if package == ONE_IDEA_A_FILE else None


def file_of(package, name):
    """The file of the package that `name` is imported from: its own, or `__init__`."""
    planned = {module for names in LEVELS[package] for module in names.split()}
    parts = [*filter(None, name.removeprefix(package).split("."))]
    for count in range(len(parts), 0, -1):
        module = ".".join(parts[:count])
        if (
            module in planned
            or (FOLDERS[package] / Path(*parts[:count])).with_suffix(".py").exists()
        ):
            return module
        if count and (FOLDERS[package] / Path(*parts[:count]) / "__init__.py").exists():
            return f"{module}.__init__"
    return "__init__"


def imported_names(package, source):
    """Every dotted name that a file imports, anywhere in it, relative ones made absolute.

    `from a import b` gives `a.b`: whether b is a module or a name in one is decided later.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) + 1 - node.level]
            base = ".".join([*(parents if node.level else []), *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def complaints(package, module, source):
    """What a file imports against the rules, a line each."""
    for name in imported_names(package, source):
        target = package_of(name)
        if target is None:
            tensorflow = name.split(".")[0] == "tensorflow"
            if tensorflow and package == "custom_layers" and module not in MAY_IMPORT_TENSORFLOW:
                yield f"{name}: only {MAY_IMPORT_TENSORFLOW} may import TensorFlow"
        elif target == package and module.endswith(".__init__"):
            continue  # it hands on what the files beside it hold
        elif target == package:
            imported = file_of(package, name)
            there, here = level(package, imported), level(package, module)
            if there is None or here is None or there >= here:
                yield f"{name}: {imported} is not on a lower level than {module}"
        elif target not in MAY_USE[package]:
            yield f"{name}: {package} may not import from {target}"


@pytest.mark.parametrize(("package", "module"), MODULES)
def test_a_file_imports_only_from_lower_levels(package, module):
    assert level(package, module) is not None, f"Give {module} of {package} its place in LEVELS."
    source = (FOLDERS[package] / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
    assert list(complaints(package, module, source)) == []


@pytest.mark.parametrize(
    ("package", "module", "source"),
    [
        ("forecaster.datasets", "local", "from .readers import read_m4"),  # an equal
        ("forecaster.datasets", "readers", "def f():\n    from . import files"),  # above
        ("forecaster.datasets", "files", "import forecaster.datasets.catalog"),
        ("forecaster.datasets", "files", "from forecaster.datasets import load_dataset"),
        ("forecaster.datasets", "files", "from ..inputs.windows import WindowSpec"),
        ("forecaster.datasets", "files", "import custom_layers"),
        ("forecaster", "inputs.windows", "from forecaster import Forecaster"),
        ("forecaster", "inputs.windows", "from forecaster.network import recurrent"),
        ("forecaster", "cli.commands", "import forecaster"),
        ("custom_layers", "gated", "import forecaster"),
        ("custom_layers", "gated", "import tensorflow as tf"),
        ("custom_layers", "a_new_idea", "from tensorflow.raw_ops import BlockLSTM"),
        ("custom_layers", "a_new_idea", "from custom_layers import another_idea"),
    ],
)
def test_the_rule_sees_what_breaks_it(package, module, source):
    assert len(list(complaints(package, module, source))) == 1


@pytest.mark.parametrize(
    ("package", "module", "source"),
    [
        ("forecaster.datasets", "files", "from .local import find_local\nfrom . import local"),
        ("forecaster", "cli.commands", "from forecaster.datasets import load_dataset"),
        (
            "forecaster",
            "network.recurrent",
            "from forecaster.inputs.windows import WindowSpec\nimport custom_layers",
        ),
        ("forecaster", "network.recurrent", "import tensorflow as tf\nimport keras"),
        ("custom_layers", "fast_tensorflow", "import tensorflow as tf"),
    ],
)
def test_the_rule_lets_through_what_keeps_it(package, module, source):
    assert list(complaints(package, module, source)) == []


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
    path = CHECKOUT / f"{module.replace('.', '/')}.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = ast.ClassDef | ast.FunctionDef
    assert name in {node.name for node in tree.body if isinstance(node, kinds)}


def test_the_package_knows_its_version_and_no_name_that_is_not_there():
    assert forecaster.__version__ == version("keras-forecaster")
    with pytest.raises(AttributeError, match=r"module 'forecaster' has no attribute 'Forcaster'"):
        forecaster.Forcaster  # noqa: B018 - the access is what is tested
