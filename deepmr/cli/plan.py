"""`deepmr plan`: what a study takes in hours, disk and memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deepmr.cli.command_line import conf_folder, nearest

__all__ = ["main"]

_NUMBERS = {
    "length": 1000,
    "tasks": 2,
    "kept": 2,
    "members": 5,
    "windows": 100_000,
    "epochs": 10,
    "batch_size": 256,
    "loci_per_shard": 16,
}
_LISTS = {"loci": [300, 10_000], "nodes": [1, 4]}
_RATES = {"mutants_per_second": None, "windows_per_second": None}
_TEXTS = {"dtype": "float32", "device": "auto"}
_DEFAULTS: dict[str, Any] = {**_NUMBERS, **_LISTS, **_RATES, **_TEXTS}

_HELP = """\
Plan a study: time a network here for a few seconds, and compute hours, disk and memory.

  deepmr plan model=deepsea tasks=919 length=1000 loci=300,10000 nodes=1,4
  deepmr plan model=deepsea mutants_per_second=50000 windows_per_second=9000    rates known

Settings (name=value)
  model=deepsea                its settings, too: model.filters=32; each network of conf/model
  length=1000, tasks=2         bases of a window; outputs of the network
  kept=2                       tasks whose effects are stored (store.keep=pair: 2)
  members=5                    networks of the ensemble
  loci=300,10000  nodes=1,4    a row of the table for each; a node is a process with a device
  windows, epochs, batch_size  of the training
  dtype=float32                of stored effects; float16 halves the disk
  loci_per_shard=16            as store.loci_per_shard
  device=auto                  cpu or cuda: where the rates are measured
  mutants_per_second, windows_per_second     rates of one process, measured elsewhere"""


def main(words: list[str]) -> None:
    """Print the table.

    Args:
        words: Settings, ``name=value`` each.

    Raises:
        ValueError: If one is unknown or has no such value.
    """
    if {"-h", "--help"} & set(words):
        print(_HELP)
        return
    settings, model = _settings(words)
    from deepmr.workflow.plan import Study, plan_rows, plan_text

    study = Study(
        length=settings["length"],
        tasks=settings["tasks"],
        kept=min(settings["kept"], settings["tasks"]),
        members=settings["members"],
        windows=settings["windows"],
        epochs=settings["epochs"],
        dtype=settings["dtype"],
        loci_per_shard=settings["loci_per_shard"],
    )
    rates = _rates(settings, model)
    rows = plan_rows(study, rates, loci=settings["loci"], nodes=settings["nodes"])
    print(plan_text(study, rates, rows))


def _settings(words: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    settings, model = dict(_DEFAULTS), []
    for word in words:
        key, equals, value = word.partition("=")
        if key == "model" or key.startswith("model."):
            model.append(word)
        elif not equals or key not in _DEFAULTS:
            hint = nearest(key, [*_DEFAULTS, "model"])
            raise ValueError(f"{word}: there is no such setting of plan; {hint}")
        else:
            settings[key] = _value(key, value)
    return settings, model


def _value(key: str, text: str) -> Any:
    allowed = {"dtype": ("float32", "float16"), "device": ("auto", "cpu", "cuda")}
    if key in allowed:
        if text not in allowed[key]:
            raise ValueError(f"{key} is one of {', '.join(allowed[key])}, got {text!r}")
        return text
    try:
        if key in _RATES:
            return float(text)
        numbers = [int(one) for one in text.split(",")]
    except ValueError as error:
        raise ValueError(f"{key} must be a number, got {text!r}") from error
    if min(numbers) < 1 or (len(numbers) > 1 and key not in _LISTS):
        raise ValueError(f"{key} must be a whole number of at least 1, got {text!r}")
    return numbers if key in _LISTS else numbers[0]


def _rates(settings: Mapping[str, Any], model: Sequence[str]) -> Any:
    import torch

    from deepmr.workflow.plan import Rates, measure_rates

    given = [settings[name] for name in _RATES]
    if all(given):
        return Rates(
            mutants=given[0], windows=given[1], training_bytes=1e9, source="as given; 1 GB of code"
        )
    device = settings["device"]
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device=cuda: there is no such device here; leave it out, or use cpu")
    measured = measure_rates(
        _network(settings, model),
        length=settings["length"],
        batch_size=settings["batch_size"],
        device=device,
    )
    return Rates(
        mutants=given[0] or measured.mutants,
        windows=given[1] or measured.windows,
        training_bytes=measured.training_bytes,
        source=measured.source + (" and as given" if any(given) else ""),
    )


def _network(settings: Mapping[str, Any], model: Sequence[str]) -> Any:
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    from deepmr.cli.command_line import check_overrides
    from deepmr.cli.parts import build_network
    from deepmr.cli.trust import Trust

    conf = conf_folder()
    check_overrides(conf, "train", model)
    with initialize_config_dir(config_dir=str(conf), version_base="1.3"):
        config = compose(config_name="train", overrides=list(model))
    names = [f"task-{k}" for k in range(settings["tasks"])]
    shape = {
        "names": names,
        "exposures": names[:1],
        "outcomes": names[1:],
        "length": settings["length"],
    }
    part = {"model": OmegaConf.to_container(config.model, resolve=True)}
    return build_network(part, shape, Trust(own=True))()
