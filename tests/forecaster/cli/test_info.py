"""`forecaster info` tells what was saved, without TensorFlow, and finds what is damaged."""

import json
import shutil
import subprocess
import sys

import pytest

from forecaster import Forecaster
from forecaster.cli import info
from forecaster.saving.artifact import ENDPOINT, HISTORY, MANIFEST, WEIGHTS


def test_names_of_files_are_those_of_artifacts():
    assert (info.MANIFEST, info.WEIGHTS) == (MANIFEST, WEIGHTS)
    assert (info.HISTORY, info.ENDPOINT) == (HISTORY, ENDPOINT)


def test_it_tells_what_the_loaded_model_is(run, saved_sales):
    code, out, err = run("info", saved_sales, "--json")
    assert (code, err) == (0, "")
    values, model = json.loads(out), Forecaster.load(saved_sales)
    assert values["targets"] == ["sales"]
    assert (values["id_column"], values["ids"]) == ("store", ["7", "N1"])
    assert (values["time_column"], values["freq"]) == ("day", "D")
    assert values["trained_until"] == str(model.train_end_.date())
    assert values["horizon"] == model.horizon and values["input_length"] == model.input_length_
    assert values["season_length"] == model.season_length_
    assert values["num_weights"] == model.model_.count_params()
    assert values["validation_score"] == min(model.history_.validation_score)
    assert values["naive_score"] == model.history_.naive_score
    assert values["network"]["cell"] == "simple_rnn" and values["network"]["units"] == 4
    assert values["quantiles"] == [0.1, 0.5, 0.9]
    assert values["covariates"] == {
        "past": [],
        "future": [
            {"name": "promo", "categories": None},
            {"name": "event", "categories": ["2", "Easter", "None"]},
        ],
        "static": [{"name": "kind", "categories": ["01", "a"]}],
    }
    assert values["bytes"] == sum(f.stat().st_size for f in saved_sales.rglob("*") if f.is_file())
    assert values["signature"]["past_time"] == {"dtype": "int64", "shape": [None, None]}


def test_it_is_lines_of_a_name_and_a_text(run, saved_sales, saved):
    _, out, _ = run("info", saved_sales)
    lines = dict(line.split("  ", 1) for line in out.splitlines())
    texts = {name: text.strip() for name, text in lines.items()}
    assert texts["Ids"] == "2 in store: 7, N1"
    assert texts["Times"] == "day, steps of D"
    assert texts["Forecasts"].startswith("6 steps, from the last 14")
    assert texts["Future covariates"] == "promo (number), event (3 categories)"
    assert texts["Network"].startswith("simple_rnn, 4 units, 1 layer, ")
    assert texts["Output"] == "quantiles 0.1, 0.5, 0.9"
    assert texts["Size"].endswith(" files, all whole")
    assert ": 100 %" not in texts["Validation"] and "seasonal naive" in texts["Validation"]
    _, out, _ = run("info", saved)
    assert "Ids" not in out and "Times          month, steps of MS\n" in out


def test_an_artifact_of_the_first_format(run, request):
    artifact = request.config.rootpath / "tests" / "forecaster" / "saving" / "format_1" / "artifact"
    code, out, _ = run("info", artifact)
    assert code == 0
    assert "Targets        a, b\n" in out and "format 1" in out


def test_it_needs_no_tensorflow(saved):
    code = (
        "import sys; sys.modules.update(tensorflow=None, keras=None, sklearn=None)\n"
        f"from forecaster.cli import main; main(['info', {str(saved)!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Saved model")


def _lacks(path):
    (path / "history.npz").unlink()


def _longer(path):
    with open(path / "weights.npz", "ab") as file:
        file.write(b"x")


def _edited(path):
    file = path / "manifest.json"
    file.write_text(file.read_text().replace('"horizon": 6', '"horizon": 7'))


def _of_others(path):
    (path / "manifest.json").write_text('{"versions": 3}')


def _deep(path):
    (path / "manifest.json").write_text("[" * 10**5)


def _outside(path):
    _resealed(path, lambda manifest: manifest["files"].update({"../secret": "0"}))


def _without_fit(path):
    _resealed(path, lambda manifest: manifest.pop("fit"))


def _no_table(path):
    _resealed(path, lambda manifest: manifest.update(files=3))


def _huge(path):
    _resealed(path, lambda manifest: manifest["layout"].update(offsets=[0, 10**15]))


def _resealed(path, change):
    """Change a manifest, and its hash with it."""
    file = path / "manifest.json"
    manifest = json.loads(file.read_text())
    del manifest["manifest_sha256"]
    change(manifest)
    text = json.dumps(manifest, sort_keys=True)
    manifest["manifest_sha256"] = info.hashlib.sha256(text.encode()).hexdigest()
    file.write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (shutil.rmtree, "Nothing is there. Make one with forecaster fit."),
        (_lacks, "'history.npz' is missing"),
        (_longer, "'weights.npz' differs from what was saved. Fit and save it again."),
        (_edited, "'manifest.json' differs from what was saved"),
        (_of_others, "'manifest.json' is missing or damaged"),
        (_deep, "'manifest.json' is missing or damaged"),
        (_outside, "'../secret' is missing"),
        (_without_fit, "'manifest.json' describes what cannot be"),
        (_no_table, "'manifest.json' is missing or damaged"),
        (_huge, "'manifest.json' describes what cannot be"),
    ],
)
def test_what_is_no_whole_model_is_told(run, saved, tmp_path, change, message):
    model = tmp_path / "model"
    shutil.copytree(saved, model)
    change(model)
    code, out, err = run("info", model)
    assert (code, out) == (1, "")
    assert err.startswith("Error: MODEL must be a ") and message in err
    assert err.count("\n") == 1
